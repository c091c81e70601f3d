"""The local control loop: pass after pass, and between two of them the wait for what may change; `evonas run` and the
Python interface call ``LocalRun.run``.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from evonas.local.journal import Journal
from evonas.local.passes import Observer, Passes
from evonas.local.processes.attempts import MAX_LOG, LocalAttempts
from evonas.search.backlog import Result
from evonas.search.plan import Plan
from evonas.spec import SearchSpec

LOOK_SECONDS = 1.0
"""Seconds between two checks for a veto."""
RUNG_SECONDS = 0.1
"""Seconds between two checks for progress in a search with rungs: every step beyond one may be wasted."""


class LocalRun:
    """One search on this machine."""

    def __init__(
        self,
        spec: SearchSpec,
        journal: Journal,
        folder: Path,
        observer: Observer,
        results: Sequence[Result] = (),
        *,
        max_log: int = MAX_LOG,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """``results`` as for ``Passes``; ``max_log`` and ``variables`` as for ``LocalAttempts``."""
        self._spec = spec
        self._journal = journal
        self._ends: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._attempts = LocalAttempts(
            journal.identity, spec, folder, self._look_again, max_log=max_log, variables=variables
        )
        self._passes = Passes(spec, journal, folder, self._attempts, observer, self._look_again, results)

    def run(self) -> Plan:
        """Run until the search is over; returns the last plan. An interrupt stops the running trials and propagates."""
        # A killed run may have recorded that it cut trials short, and have had yet to stop them.
        cut_short = (trial for trial in self._journal.trials.values() if trial.is_cut_short)
        self._attempts.stop((trial.index, trial.latest_attempt) for trial in cut_short)
        try:
            while not (decided := self._passes.make()).is_over:
                self._wait(decided)
        except BaseException:
            self._attempts.start_no_more()
            self._stop_all()
            raise
        finally:
            self._attempts.close()
        return decided

    def _look_again(self) -> None:
        self._ends.put(None)

    def _wait(self, decided: Plan) -> None:
        """Wait for the end or progress of an attempt, for a veto, or until the plan's own deadline."""
        look = LOOK_SECONDS if self._spec.fidelity is None else RUNG_SECONDS
        while not (self._passes.vetoed.is_stale or self._attempts.have_progressed):
            left = look
            if decided.wake_at is not None:
                left = min(left, max(0.0, (decided.wake_at - datetime.now(UTC)).total_seconds()))
            with contextlib.suppress(queue.Empty):
                self._ends.get(timeout=left)
                return
            if left < look:
                return

    def _stop_all(self) -> None:
        unfinished = self._passes.table.unfinished.values()
        self._attempts.stop((trial.index, trial.current_attempt) for trial in unfinished)
