"""What a local run has still to take in: results to import, and candidates of its manifest or enqueued by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evonas.local.enqueued import Enqueued
from evonas.search.incoming import Incoming, Result, Turns, find_incoming
from evonas.search.table import TrialTable
from evonas.search.totals import Totals
from evonas.spec import SearchSpec


class LocalIncoming:
    """Looks for one run."""

    def __init__(self, spec: SearchSpec, folder: Path, results: Sequence[Result]) -> None:
        self._listed = spec.warm_start.candidates
        self._results = results
        self._enqueued = Enqueued(folder, spec.space)
        self._turns = Turns()

    def look(self, finished: Totals, table: TrialTable) -> Incoming:
        """Return what is to be taken in now, given the totals of the finished trials."""
        listed = [*self._listed, *self._enqueued.read()]
        return find_incoming(self._results, listed, finished, table, self._turns)
