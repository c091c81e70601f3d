"""Asks a search's rule again about each result at a rung, and compares with what was recorded. Pure, beside ``replay``.

A rule knows the results at the rung with a smaller place in the sequence, and nothing else (``search.promotion``), so
no agent is needed, and versions do not matter.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from evonas.fidelity import Fidelity
from evonas.recorded.replay import Difference
from evonas.search.objective import oriented
from evonas.search.promotion import Decision
from evonas.search.standings import Point, Standings, new_standings, point_of
from evonas.search.trial import RungResult, Trial, TrialState
from evonas.spec import SearchSpec

Entry = tuple[RungResult, Trial]


@dataclass(frozen=True)
class Judgement:
    """A trial's result at a rung, and what the rule says of it."""

    trial: Trial
    result: RungResult
    decision: Decision
    """In mode ``Pause`` when it was promoted or, if it was not, after all results so far."""
    needed: float | None
    """The worst value that would have gone on, in the user's orientation; None if every value would, or none, and with
    several objectives, where it depends on all values."""

    @property
    def is_last(self) -> bool:
        """Return whether the trial has not reached another rung since."""
        return self.result.step == self.trial.rungs[-1].step


def judge(spec: SearchSpec, trials: Iterable[Trial]) -> Iterator[Judgement]:
    """Yield the judgement of every result at a rung, in the order in which they were recorded."""
    if spec.fidelity is None:
        return
    results = [(result, trial) for trial in trials for result in trial.rungs]
    results.sort(key=lambda item: (item[0].sequence, item[1].index))
    yield from (_judge_paused if spec.fidelity.pauses else _judge_running)(spec, spec.fidelity, results)


def _judge_paused(spec: SearchSpec, fidelity: Fidelity, results: Sequence[Entry]) -> Iterator[Judgement]:
    """Judge each result when its trial was promoted or, if it was not, after all of them."""
    entering = deque(results)
    standings: dict[int, Standings] = {}
    judgements: dict[tuple[int, int], Judgement] = {}
    for result, trial in sorted(results, key=_moment):
        while entering and entering[0][0].sequence <= _moment((result, trial)):
            entered, by = entering.popleft()
            there = standings.setdefault(entered.step, new_standings(spec.objectives))
            there.add(_point(spec, entered, by))
        there = standings[result.step]
        decision = there.decide_to_promote(fidelity, _point(spec, result, trial))
        least = there.needed_to_promote(fidelity)
        judgements[trial.index, result.step] = _judgement(spec, trial, result, decision, least)
    yield from (judgements[trial.index, result.step] for result, trial in results)


def _moment(entry: Entry) -> float:
    promoted_after = entry[0].promoted_after
    return math.inf if promoted_after is None else promoted_after


def _judge_running(spec: SearchSpec, fidelity: Fidelity, results: Sequence[Entry]) -> Iterator[Judgement]:
    standings: dict[int, Standings] = {}
    for _, tied in groupby(results, key=lambda item: item[0].sequence):
        entered = [*tied]
        for result, trial in entered:
            there, point = (
                standings.setdefault(result.step, new_standings(spec.objectives)),
                _point(spec, result, trial),
            )
            least = there.needed(fidelity)
            there.add(point)
            yield _judgement(spec, trial, result, there.decide(fidelity, point), least)
            there.remove(point)
        for result, trial in entered:
            standings[result.step].add(_point(spec, result, trial))


def _point(spec: SearchSpec, result: RungResult, trial: Trial) -> Point:
    return point_of(spec.objectives, trial, result)


def _judgement(
    spec: SearchSpec, trial: Trial, result: RungResult, decision: Decision, least: float | None
) -> Judgement:
    return Judgement(trial, result, decision, None if least is None else oriented(spec.objective, least))


def difference_at_rungs(spec: SearchSpec, trials: Sequence[Trial]) -> Difference | None:
    """Return the first decision at a rung that the record contradicts.

    A trial that ended by itself in the same look has its reward, whatever the rule said.
    """
    allowed = () if spec.fidelity is None else spec.fidelity.steps[:-1]
    for trial in trials:
        if foreign := [result.step for result in trial.rungs if result.step not in allowed]:
            return Difference(trial.index, "rungs", f"a result at step {foreign[0]}", f"rungs at {[*allowed]}")
    if spec.pauses:
        return _difference_in_promotions(spec, trials)
    for judgement in judge(spec, trials):
        trial, step, because = judgement.trial, judgement.result.step, judgement.decision.because
        was_stopped = trial.state is TrialState.STOPPED and judgement.is_last
        if judgement.decision.stops == was_stopped or trial.state is TrialState.SUCCEEDED:
            continue
        if was_stopped:
            return Difference(trial.index, "state", f"Stopped at step {step}", f"goes on there: it {because}")
        recorded = f"{trial.state} after step {trial.rungs[-1].step}"
        return Difference(trial.index, "state", recorded, f"Stopped at step {step}: it {because}")
    return None


def _difference_in_promotions(spec: SearchSpec, trials: Sequence[Trial]) -> Difference | None:
    if stopped := [trial for trial in trials if trial.state is TrialState.STOPPED]:
        return Difference(stopped[0].index, "state", str(TrialState.STOPPED), "Paused: nobody is stopped in mode Pause")
    own = (trial for trial in trials if trial.state is TrialState.SUCCEEDED and trial.imported is None)
    succeeded = [trial.sequence for trial in own if trial.sequence]
    first_success = min(succeeded, default=math.inf)
    for judgement in judge(spec, trials):
        after = judgement.result.promoted_after
        if after is None and not judgement.is_last:
            recorded = f"no promotion from step {judgement.result.step}"
            derived = f"one: the trial reached step {judgement.trial.rungs[-1].step}"
            return Difference(judgement.trial.index, "rungs", recorded, derived)
        # The best trial goes on whatever the rule says if the search would end without a result.
        if after is None or not judgement.decision.stops or after < first_success:
            continue
        derived = f"paused at step {judgement.result.step}: it {judgement.decision.because}"
        return Difference(judgement.trial.index, "rungs", f"promoted after {after} results", derived)
    return None
