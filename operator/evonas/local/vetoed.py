"""Vetoes of a local run's trials: a file in its folder, to which `evonas veto` appends (``search.vetoes``)."""

from __future__ import annotations

import json
from pathlib import Path

from evonas.errors import EvonasError
from evonas.local.lines import append_lines, size_of, whole_lines
from evonas.search.vetoes import NONE, Vetoes

VETOED_FILE = "vetoed.jsonl"


class Vetoed:
    """The vetoes for the run in a folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / VETOED_FILE
        self._size = 0
        self._vetoes: Vetoes = NONE

    @property
    def is_stale(self) -> bool:
        """Say whether there are any that ``read`` has not returned."""
        return size_of(self._path) != self._size

    def read(self) -> Vetoes:
        """Return all of them; EvonasError where a line is none."""
        size = size_of(self._path)
        if size != self._size:
            self._vetoes = dict(self._parse(number, line) for number, line in enumerate(whole_lines(self._path), 1))
            self._size = size
        return self._vetoes

    def append(self, trial: int, because: str) -> None:
        """Add one; on disk when this returns."""
        append_lines(self._path, [{"trial": trial, "because": because}])

    def _parse(self, number: int, line: bytes) -> tuple[int, str]:
        try:
            body = json.loads(line)
            return int(body["trial"]), str(body["because"])
        except (ValueError, TypeError, KeyError) as error:
            raise EvonasError(f"{self._path}, line {number}: no veto ({error}); remove or mend that line") from error
