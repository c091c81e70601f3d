"""What the trials of a search add up to: counts, costs, the best. Pure, bounded, and independent of the order.

The budget and the status are functions of these totals, so that a pass costs the same after 10,000 trials as after ten.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy

from evonas.search.candidate_rewards import CandidateRewards
from evonas.search.front import Front
from evonas.search.means import plain_mean
from evonas.search.objective import oriented, reaches_target, values_of
from evonas.search.standings import Standings, new_standings, point_of
from evonas.search.table import Cursor, TrialTable
from evonas.search.trial import REPEAT, RungResult, Trial, TrialState
from evonas.spec import Objective

Outcome = tuple[TrialState, str]
"""A state and its reason."""

WINDOW = 50
"""Window of the moving average, in trials; the paper does not state its own."""

MAX_LEADERS = 10
"""How many of the best trials are kept: the largest ``spec.confirm.top``."""


class Totals:
    """A fold over trials."""

    def __init__(self, objectives: Sequence[Objective], trials: Iterable[Trial] = ()) -> None:
        self._objectives = objectives
        self.counts: Counter[TrialState] = Counter()
        self.origins: Counter[str] = Counter()
        """How the agent arrived at its candidates."""
        self.fruitless: Counter[Outcome] = Counter()
        """Trials that ended without a reward, by state and reason."""
        self.examples: dict[Outcome, Trial] = {}
        """The trial with the highest index of each outcome in ``fruitless``."""
        self.gpu_seconds = 0
        self.observations = 0
        """Results that the agent learns from."""
        self.last_sequence = 0
        self.standings: dict[int, Standings] = {}
        """The results recorded at each rung, whatever became of those trials."""
        self.last_rungs: Counter[int] = Counter()
        """Trials by the last rung at which they have a result."""
        self.stopped_at: Counter[int] = Counter()
        """Trials that were stopped, by the rung."""
        self.open_at: Counter[int] = Counter()
        """Trials without an outcome, by the last rung at which they have a result."""
        self.paused_at: Counter[int] = Counter()
        """Trials that are paused, by the rung."""
        self.cut_gpu_seconds = 0
        """What those that were stopped or are paused took."""
        self.promotions = 0
        """How often a paused trial was told to go on."""
        self.lost_checkpoints = 0
        self.full_trainings = self.full_gpu_seconds = 0
        """Trials that were run here and have a reward, and what they took."""
        self.leaders: list[Trial] = []
        """The trials with the best rewards, each of another candidate, among equals the earliest recorded first; at
        most MAX_LEADERS. Empty with several objectives: see ``front``."""
        self.front = Front(objectives)
        """Empty with a single objective: see ``leaders``."""
        self.candidate_rewards = CandidateRewards()
        self.confirmations: dict[int, dict[int, Trial]] = {}
        """The runs that confirm leaders, by leader's index and number of the repeat. They count in no other total
        except ``gpu_seconds``, ``recorded`` and ``unfinished``."""
        self.imported = self.import_size = 0
        """Results known from elsewhere (``warmstart``), and how many of them are expected: they are among ``leaders``
        and ``observations`` and count in no other total except ``recorded`` and ``candidates``."""
        self.reused = 0
        """Candidates that have the result of another search's trial; they are in every other total as well."""
        self.last_index = -1
        self.on_target: Trial | None = None
        """The first trial, by index, whose reward reaches the target; imported ones do not end a search."""
        self._rung_places: list[int] = []
        """Places in the sequence of results at rungs that ended no trial, ascending."""
        self._recent: list[tuple[int, int, float]] = []
        """(sequence, index, reward) of the last rewards recorded."""
        for trial in trials:
            self.add(trial)

    @property
    def best(self) -> Trial | None:
        """The trial with the best reward, among equals the earliest recorded; None with several objectives, which have
        no best one.
        """
        return self.leaders[0] if self.leaders else None

    @property
    def has_result(self) -> bool:
        """Whether there is a best trial or, with several objectives, one on the front."""
        return bool(self.leaders or self.front)

    @property
    def latest_improvement(self) -> Trial | None:
        """The best trial or, with several objectives, the latest one on the front."""
        return self.best or self.front.latest

    @property
    def failures(self) -> Counter[str]:
        """Reasons of failed trials."""
        failed = ((reason, count) for (state, reason), count in self.fruitless.items() if state is TrialState.FAILED)
        return Counter(dict(failed))

    @property
    def last_failed(self) -> Trial | None:
        """The failed trial with the highest index."""
        failed = (trial for (state, _), trial in self.examples.items() if state is TrialState.FAILED)
        return max(failed, key=lambda trial: trial.index, default=None)

    @property
    def total(self) -> int:
        """How many candidates were proposed or listed by the user: those that ``maxTrials`` counts."""
        return self.counts.total()

    @property
    def confirmed(self) -> int:
        """How many confirmations are recorded."""
        return sum(map(len, self.confirmations.values()))

    @property
    def candidates(self) -> int:
        """How many candidates are known."""
        return self.total - self.origins[REPEAT] + self.imported

    @property
    def recorded(self) -> int:
        """How many trials there are, of every kind."""
        return self.total + self.imported + self.confirmed

    @property
    def unfinished(self) -> int:
        """How many trials run or are about to, including confirmations."""
        confirmations = (trial for repeats in self.confirmations.values() for trial in repeats.values())
        return sum(count for state, count in self.counts.items() if state.holds_place) + sum(
            trial.state.holds_place for trial in confirmations
        )

    @property
    def results_since_best(self) -> int:
        """How many outcomes that the agent learns from were recorded after the latest improvement; all, where there is
        none.
        """
        latest = self.latest_improvement
        best = 0 if latest is None else latest.sequence or 0
        rungs = len(self._rung_places) - bisect_right(self._rung_places, best)
        return self.last_sequence - best - rungs

    @property
    def mean_reward(self) -> float | None:
        """The current moving average of the rewards (see ``curves``); None before the first."""
        if not self._recent:
            return None
        return plain_mean([reward for _, _, reward in self._recent])

    def plus(self, trials: Iterable[Trial]) -> Totals:
        """Return the totals with more trials added."""
        more = copy(self)
        more.counts = self.counts.copy()
        more.origins = self.origins.copy()
        more.fruitless = self.fruitless.copy()
        more.examples = self.examples.copy()
        more._recent = self._recent.copy()
        more.leaders = self.leaders.copy()
        more.front = self.front.copy()
        more.candidate_rewards = self.candidate_rewards.copy()
        more.standings = {step: there.copy() for step, there in self.standings.items()}
        more.last_rungs = self.last_rungs.copy()
        more.stopped_at = self.stopped_at.copy()
        more.open_at = self.open_at.copy()
        more.paused_at = self.paused_at.copy()
        more._rung_places = self._rung_places.copy()
        more.confirmations = {leader: repeats.copy() for leader, repeats in self.confirmations.items()}
        for trial in trials:
            more.add(trial)
        return more

    def without(self, paused: Iterable[Trial]) -> Totals:
        """Return the totals without some of the paused trials in them, as they were added."""
        less = self.plus(())
        for trial in paused:
            less.take_back(trial)
        return less

    def take_back(self, paused: Trial) -> None:
        """Remove a paused trial, as it was added: it is to be added as it stands now."""
        self._count(paused, -1)

    def add(self, trial: Trial) -> None:
        """Add one trial; one that is not final must not be added a second time when it is."""
        self.last_index = max(self.last_index, trial.index)
        self.last_sequence = max(self.last_sequence, 0 if trial.is_confirmation else trial.last_sequence)
        self._count(trial, 1)
        if trial.is_confirmation:
            return
        if not self._has_several and (trial.reward is not None or trial.state is TrialState.INFEASIBLE):
            self.candidate_rewards.add(self._objectives[0], trial)
        if trial.reward is not None:
            self._add_reward(trial, trial.reward)
        elif trial.state.is_final:
            outcome = (trial.state, trial.reason)
            self.fruitless[outcome] += 1
            if outcome not in self.examples or trial.index > self.examples[outcome].index:
                self.examples[outcome] = trial

    def _count(self, trial: Trial, times: int) -> None:
        """Count a trial once or, if it had been counted and is paused, once less."""
        self.gpu_seconds += times * trial.gpu_seconds
        if trial.is_confirmation:
            self._add_confirmation(trial)
            return
        if trial.imported is None:
            self.counts[trial.state] += times
            self.origins[trial.proposal.origin] += times
            self.reused += times * (trial.reused is not None)
        else:
            self.imported += times
            self.import_size = max(self.import_size, trial.imported.of)
        self._count_rungs(trial, times)
        self.observations += times * (trial.sequence is not None)
        if trial.reward is not None and trial.is_run:
            self.full_trainings += times
            self.full_gpu_seconds += times * trial.gpu_seconds

    def _count_rungs(self, trial: Trial, times: int) -> None:
        enter = insort if times > 0 else _remove
        for result in trial.rungs:
            self._enter_rung(trial, result, times)
            if result.sequence != trial.sequence:
                enter(self._rung_places, result.sequence)
        self.promotions += times * sum(result.promoted_after is not None for result in trial.rungs)
        self.lost_checkpoints += times * trial.lost_checkpoints
        if not trial.rungs:
            return
        self.last_rungs[trial.rungs[-1].step] += times
        self.open_at[trial.rungs[-1].step] += times * (not trial.state.is_final)
        if trial.state.is_at_rung:
            (self.stopped_at if trial.state.is_final else self.paused_at)[trial.rungs[-1].step] += times
            self.cut_gpu_seconds += times * trial.gpu_seconds

    def _enter_rung(self, trial: Trial, result: RungResult, times: int) -> None:
        there = self.standings.setdefault(result.step, new_standings(self._objectives))
        (there.add if times > 0 else there.remove)(point_of(self._objectives, trial, result))
        if not there:
            del self.standings[result.step]

    def _add_confirmation(self, trial: Trial) -> None:
        leader, repeat = trial.proposal.parent, trial.proposal.repeat
        assert leader is not None
        assert repeat is not None
        self.confirmations.setdefault(leader, {})[repeat] = trial

    @property
    def _has_several(self) -> bool:
        return len(self._objectives) > 1

    def _add_reward(self, trial: Trial, reward: float) -> None:
        if self._has_several:
            self.front.add(trial)
        else:
            self._add_leader(trial)
        if trial.imported is not None:
            return
        values = values_of(self._objectives, trial) or ()
        if reaches_target(self._objectives, values) and (self.on_target is None or trial.index < self.on_target.index):
            self.on_target = trial
        insort(self._recent, (trial.sequence or 0, trial.index, reward))
        del self._recent[:-WINDOW]

    def _add_leader(self, trial: Trial) -> None:
        other = next((leader for leader in self.leaders if leader.candidate == trial.candidate), None)
        if other is None or self._rank(trial) < self._rank(other):
            self.leaders = [leader for leader in self.leaders if leader is not other]
            insort(self.leaders, trial, key=self._rank)
            del self.leaders[MAX_LEADERS:]

    def _rank(self, trial: Trial) -> tuple[float, int]:
        assert trial.reward is not None
        return -oriented(self._objectives[0], trial.reward), trial.sequence or 0


def _remove(values: list[int], value: int) -> None:
    """Remove one of the ascending values."""
    del values[bisect_left(values, value)]


class RunningTotals:
    """The totals of a table's finished and paused trials, kept in step with it."""

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self._objectives = objectives
        self._totals = Totals(objectives)
        self._paused: dict[int, Trial] = {}
        """As they were added."""
        self._cursor = Cursor()

    def update(self, table: TrialTable) -> Totals:
        """Take in what has changed since, and return the totals; callers must not change them."""
        news = table.read(self._cursor)
        if news is None:
            self._totals, self._paused, self._cursor = Totals(self._objectives), {}, table.start
            news = table.read(self._cursor)
            assert news is not None
        changed, self._cursor = news
        for trial in changed:
            if (known := self._paused.pop(trial.index, None)) is not None:
                self._totals.take_back(known)
            if trial.state is TrialState.PAUSED:
                self._paused[trial.index] = trial
            if not trial.state.holds_place:
                self._totals.add(trial)
        return self._totals
