"""Candidates enqueued by hand for a local run: a file in its folder, one JSON object per line.

`evonas enqueue` appends; a run reads it on each pass, a stopped one at its next start. Candidates that have a trial are
skipped.
"""

from __future__ import annotations

from pathlib import Path

from evonas.local.requests.lines import Lines
from evonas.search.backlog import Decisions
from evonas.space import SearchSpace

ENQUEUED_FILE = "enqueued.jsonl"


class Enqueued(Lines[Decisions]):
    """The candidates enqueued for the run in a folder, each from its space."""

    def __init__(self, folder: Path, space: SearchSpace) -> None:
        super().__init__(folder / ENQUEUED_FILE, lambda body: space.to_candidate(space.to_choices(body)))
