"""The local control loop: journal, plan, attempts and agent put together; `evonas run` calls ``LocalRun.run``."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from evonas.local.journal import Journal
from evonas.local.other_runs import OtherRuns
from evonas.local.processes.attempts import MAX_LOG, LocalAttempts
from evonas.local.requests.backlog import LocalBacklog
from evonas.local.requests.pinned import Pinned
from evonas.local.requests.vetoed import Vetoed
from evonas.recorded.knowledge_record import experience_of
from evonas.search.backlog import Result
from evonas.search.plan import Plan, plan
from evonas.search.proposer import Proposer
from evonas.search.reuse import with_known_result
from evonas.search.table import TrialTable
from evonas.search.totals import RunningTotals
from evonas.search.trial import Trial
from evonas.spec import SearchSpec

LOOK_SECONDS = 1.0
"""Seconds between two checks for a veto."""
RUNG_SECONDS = 0.1
"""Seconds between two checks for progress in a search with rungs: every step beyond one may be wasted."""


class Observer(Protocol):
    """Receives what happens, to show it to people."""

    def on_plan(self, decided: Plan) -> None:
        """Show the state of the trials."""

    def on_record(self, trial: Trial) -> None:
        """Show a changed record."""


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
    ) -> None:
        """``results`` are imported unless they are in the journal already; ``max_log`` as for ``LocalAttempts``."""
        self._spec = spec
        self._journal = journal
        self._observer = observer
        self._ends: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._attempts = LocalAttempts(
            journal.identity, spec, folder, on_end=lambda: self._ends.put(None), max_log=max_log
        )
        self._proposer = Proposer(spec, experience_of(journal.knowledge))
        self._table = TrialTable(journal.trials.values())
        self._totals = RunningTotals(spec.objective)
        self._backlog = LocalBacklog(spec, folder, results)
        self._others = OtherRuns(folder)
        self._vetoed = Vetoed(folder)
        self._pinned = Pinned(folder)
        self._created: dict[int, datetime] = {}

    def run(self) -> Plan:
        """Run until the search is over; returns the last plan. An interrupt stops the running trials and propagates."""
        # A killed run may have recorded that it cut trials short, and have had yet to stop them.
        cut_short = (trial for trial in self._journal.trials.values() if trial.is_cut_short)
        self._attempts.stop((trial.index, trial.latest_attempt) for trial in cut_short)
        try:
            while not (decided := self._advance()).is_over:
                self._wait(decided)
        except BaseException:
            self._stop_all()
            raise
        finally:
            self._attempts.close()
        return decided

    def _advance(self) -> Plan:
        unfinished = [self._table.unfinished[index] for index in sorted(self._table.unfinished)]
        now = datetime.now(UTC)
        views = {trial.index: self._attempts.view(trial) for trial in unfinished}
        finished = self._totals.update(self._table)
        decided = plan(
            self._spec,
            finished,
            unfinished,
            {index: view for index, view in views.items() if view is not None},
            created=self._created,
            start_time=self._journal.start_time,
            now=now,
            backlog=self._backlog.look(finished, self._table),
            vetoes=dict(self._vetoed.read()),
            paused=self._table.paused,
        )
        for trial in decided.records:
            self._record(trial)
            self._observer.on_record(trial)
        self._attempts.stop(decided.stops)
        for index, _ in decided.starts:
            self._attempts.start(self._journal.trials[index])
        for trial in decided.imports:
            self._record(trial)
        if decided.proposals:
            news = self._proposer.collect(self._table, self._pinned.indexes())
            for trial in self._proposer.propose(news, decided.proposals):
                self._begin(trial, now)
        for trial in (*decided.listed, *decided.confirmations):
            self._begin(trial, now)
        self._observer.on_plan(decided)
        return decided

    def _begin(self, proposed: Trial, now: datetime) -> None:
        trial = with_known_result(self._spec, proposed, self._others.find)
        self._record(trial)
        self._created[trial.index] = now
        if trial.is_run:
            self._attempts.start(trial)
        else:
            # The next pass takes over its result; no attempt's end will trigger that pass.
            self._ends.put(None)

    def _record(self, trial: Trial) -> None:
        self._journal.write(trial)
        self._table.put(trial)

    def _wait(self, decided: Plan) -> None:
        """Wait for the end or progress of an attempt, for a veto, or until the plan's own deadline."""
        look = LOOK_SECONDS if self._spec.fidelity is None else RUNG_SECONDS
        while not (self._vetoed.is_stale or self._attempts.have_progressed):
            left = look
            if decided.wake_at is not None:
                left = min(left, max(0.0, (decided.wake_at - datetime.now(UTC)).total_seconds()))
            with contextlib.suppress(queue.Empty):
                self._ends.get(timeout=left)
                return
            if left < look:
                return

    def _stop_all(self) -> None:
        self._attempts.stop((trial.index, trial.current_attempt) for trial in self._table.unfinished.values())
