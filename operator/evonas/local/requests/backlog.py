"""What a local run has yet to take in: results to import, and candidates from its manifest or enqueued by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evonas.local.requests.enqueued import Enqueued
from evonas.search.backlog import Backlog, Result, TriedCandidates, find_backlog
from evonas.search.table import TrialTable
from evonas.search.totals import Totals
from evonas.spec import SearchSpec


class LocalBacklog:
    """Finds it for one run."""

    def __init__(self, spec: SearchSpec, folder: Path, results: Sequence[Result]) -> None:
        self._listed = spec.warm_start.candidates
        self._results = results
        self._enqueued = Enqueued(folder, spec.space)
        self._tried = TriedCandidates()

    def look(self, finished: Totals, table: TrialTable) -> Backlog:
        """Return what to import now, given the totals of the finished trials."""
        listed = [*self._listed, *self._enqueued.read()]
        return find_backlog(self._results, listed, finished, table, self._tried)
