"""Candidates that were enqueued by hand for a local run: a file in its folder, one JSON object a line.

`evonas enqueue` appends, a run looks on each pass and a stopped one at its next start. Nothing is ever taken out:
what has a trial is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from evonas.errors import EvonasError
from evonas.local.lines import append_lines, size_of, whole_lines
from evonas.search.incoming import Decisions
from evonas.space import SearchSpace

ENQUEUED_FILE = "enqueued.jsonl"


class Enqueued:
    """The candidates enqueued for the run in a folder."""

    def __init__(self, folder: Path, space: SearchSpace) -> None:
        self._path = folder / ENQUEUED_FILE
        self._space = space
        self._size = 0
        self._candidates: list[Decisions] = []

    def read(self) -> Sequence[Decisions]:
        """Return them in their order; EvonasError where a line is none of this space's candidates."""
        size = size_of(self._path)
        if size != self._size:
            self._candidates = self._parse()
            self._size = size
        return self._candidates

    def append(self, candidates: Sequence[Decisions]) -> None:
        """Add candidates; on disk when this returns."""
        append_lines(self._path, candidates)

    def _parse(self) -> list[Decisions]:
        candidates: list[Decisions] = []
        for number, line in enumerate(whole_lines(self._path), start=1):
            try:
                candidates.append(self._space.to_candidate(self._space.to_choices(json.loads(line))))
            except (ValueError, TypeError) as error:
                raise EvonasError(f"{self._path}, line {number}: {error}; remove or mend that line") from error
        return candidates
