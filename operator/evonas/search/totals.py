"""What the trials of a search add up to: counts, costs, the best. Pure, bounded, and the same in any order of adding.

The budget and the status are functions of these totals, so that a pass costs the same after 10,000 trials as after ten.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable
from copy import copy

from evonas.search.curves import WINDOW
from evonas.search.objective import oriented, reaches_target
from evonas.search.table import Cursor, TrialTable
from evonas.search.trial import Trial, TrialState
from evonas.spec import Objective


class Totals:
    """A fold over trials."""

    def __init__(self, objective: Objective, trials: Iterable[Trial] = ()) -> None:
        self._objective = objective
        self.counts: Counter[TrialState] = Counter()
        self.origins: Counter[str] = Counter()
        """How the agent came to its candidates."""
        self.failures: Counter[str] = Counter()
        """Reasons of failed trials."""
        self.gpu_seconds = 0
        self.observations = 0
        """Results that the agent learns from."""
        self.last_sequence = 0
        self.best: Trial | None = None
        """The trial with the best reward, the earliest recorded of equals."""
        self.last_failed: Trial | None = None
        """The failed trial with the highest index."""
        self.on_target: Trial | None = None
        """The first trial, by index, whose reward reaches the target."""
        self._recent: list[tuple[int, int, float]] = []
        """(sequence, index, reward) of the last rewards recorded."""
        for trial in trials:
            self.add(trial)

    @property
    def total(self) -> int:
        """How many trials there are."""
        return self.counts.total()

    @property
    def unfinished(self) -> int:
        """How many trials have no outcome yet."""
        return sum(count for state, count in self.counts.items() if not state.is_final)

    @property
    def mean_reward(self) -> float | None:
        """The moving average of the rewards after the last one (see ``curves``); None before the first."""
        if not self._recent:
            return None
        return sum(reward for _, _, reward in self._recent) / len(self._recent)

    def plus(self, trials: Iterable[Trial]) -> Totals:
        """Return the totals with more trials added."""
        more = copy(self)
        more.counts = self.counts.copy()
        more.origins = self.origins.copy()
        more.failures = self.failures.copy()
        more._recent = self._recent.copy()
        for trial in trials:
            more.add(trial)
        return more

    def add(self, trial: Trial) -> None:
        """Add one trial; one that is not final must not be added a second time when it is."""
        self.counts[trial.state] += 1
        self.origins[trial.proposal.origin] += 1
        self.gpu_seconds += trial.gpu_seconds
        if trial.sequence is not None:
            self.observations += 1
            self.last_sequence = max(self.last_sequence, trial.sequence)
        if trial.state is TrialState.FAILED:
            self.failures[trial.reason] += 1
            if self.last_failed is None or trial.index > self.last_failed.index:
                self.last_failed = trial
        if trial.reward is not None:
            self._add_reward(trial, trial.reward)

    def _add_reward(self, trial: Trial, reward: float) -> None:
        if self.best is None or self._merit(trial) > self._merit(self.best):
            self.best = trial
        if reaches_target(self._objective, reward) and (self.on_target is None or trial.index < self.on_target.index):
            self.on_target = trial
        insort(self._recent, (trial.sequence or 0, trial.index, reward))
        del self._recent[:-WINDOW]

    def _merit(self, trial: Trial) -> tuple[float, int]:
        assert trial.reward is not None
        return oriented(self._objective, trial.reward), -(trial.sequence or 0)


class RunningTotals:
    """The totals of a table's finished trials, kept in step with it."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._totals = Totals(objective)
        self._cursor = Cursor()

    def update(self, table: TrialTable) -> Totals:
        """Take in what has finished since, and return the totals; they are not to be changed."""
        news = table.read(self._cursor)
        if news is None:
            self._totals, self._cursor = Totals(self._objective), table.start
            news = table.read(self._cursor)
            assert news is not None
        finished, self._cursor = news
        for trial in finished:
            self._totals.add(trial)
        return self._totals
