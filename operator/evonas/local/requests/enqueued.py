"""Candidates that were enqueued by hand for a local run: a file in its folder, one JSON object a line.

`evonas enqueue` appends, a run looks on each pass and a stopped one at its next start. What has a trial is passed over.
"""

from __future__ import annotations

from pathlib import Path

from evonas.local.requests.lines import Lines
from evonas.search.backlog import Decisions
from evonas.space import SearchSpace

ENQUEUED_FILE = "enqueued.jsonl"


class Enqueued(Lines[Decisions]):
    """The candidates enqueued for the run in a folder, each one of its space."""

    def __init__(self, folder: Path, space: SearchSpace) -> None:
        super().__init__(folder / ENQUEUED_FILE, lambda body: space.to_candidate(space.to_choices(body)))
