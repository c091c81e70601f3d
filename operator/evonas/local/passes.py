"""One pass of a local search: views in, plan, records and attempts out; the local counterpart of a reconcile.

``run`` loops over passes with processes as attempts; ``evonas.python.asking`` makes one at each question or answer,
with whatever the caller runs as attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from evonas.local.journal import Journal
from evonas.local.other_runs import OtherRuns
from evonas.local.requests.backlog import LocalBacklog
from evonas.local.requests.pinned import Pinned
from evonas.local.requests.vetoed import Vetoed
from evonas.recorded.knowledge_record import experience_of
from evonas.search.attempt import AttemptView
from evonas.search.backlog import Result
from evonas.search.plan import Plan, plan
from evonas.search.proposer import Proposer
from evonas.search.reuse import with_known_result
from evonas.search.table import TrialTable
from evonas.search.totals import RunningTotals
from evonas.search.trial import Trial
from evonas.spec import SearchSpec


class Observer(Protocol):
    """Receives what happens, to show it to people."""

    def on_plan(self, decided: Plan) -> None:
        """Show the state of the trials."""

    def on_record(self, trial: Trial) -> None:
        """Show a changed record."""


class Attempts(Protocol):
    """What carries out the attempts of trials."""

    def start(self, trial: Trial) -> None:
        """Start the trial's current attempt afresh."""

    def view(self, trial: Trial) -> AttemptView | None:
        """Return the view of the trial's current attempt; None if it must be started (again)."""

    def stop(self, attempts: Iterable[tuple[int, int]]) -> None:
        """End those (index, attempt) that are running."""


class Passes:
    """Makes the passes of one search on this machine."""

    def __init__(
        self,
        spec: SearchSpec,
        journal: Journal,
        folder: Path,
        attempts: Attempts,
        observer: Observer,
        on_known_result: Callable[[], None],
        results: Sequence[Result] = (),
    ) -> None:
        """``results`` are imported unless they are in the journal already; ``on_known_result`` is called for each trial
        whose result is known when it is recorded: the next pass takes it over, and no attempt's end will trigger that
        pass.
        """
        self._spec = spec
        self._journal = journal
        self._attempts = attempts
        self._observer = observer
        self._on_known_result = on_known_result
        self._proposer = Proposer(spec, experience_of(journal.knowledge))
        self.table = TrialTable(journal.trials.values())
        self._totals = RunningTotals(spec.objectives)
        self._backlog = LocalBacklog(spec, folder, results)
        self._others = OtherRuns(folder)
        self.vetoed = Vetoed(folder)
        self._pinned = Pinned(folder)
        self._created: dict[int, datetime] = {}

    def make(self, most: int | None = None) -> Plan:
        """Look, decide, record and act; returns what was decided. At most ``most`` new trials begin, if it is given."""
        unfinished = [self.table.unfinished[index] for index in sorted(self.table.unfinished)]
        now = datetime.now(UTC)
        views = {trial.index: self._attempts.view(trial) for trial in unfinished}
        finished = self._totals.update(self.table)
        decided = plan(
            self._spec,
            finished,
            unfinished,
            {index: view for index, view in views.items() if view is not None},
            created=self._created,
            start_time=self._journal.start_time,
            now=now,
            backlog=self._backlog.look(finished, self.table),
            vetoes=dict(self.vetoed.read()),
            paused=self.table.paused,
        )
        for trial in decided.records:
            self._record(trial)
            self._observer.on_record(trial)
        self._attempts.stop(decided.stops)
        for index, _ in decided.starts:
            self._attempts.start(self._journal.trials[index])
        for trial in decided.imports:
            self._record(trial)
        proposals = decided.proposals if most is None else min(decided.proposals, most)
        if proposals:
            news = self._proposer.collect(self.table, self._pinned.indexes())
            for trial in self._proposer.propose(news, proposals):
                self._begin(trial, now)
        for trial in (*decided.listed, *decided.confirmations)[:most]:
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
            self._on_known_result()

    def _record(self, trial: Trial) -> None:
        self._journal.write(trial)
        self.table.put(trial)
