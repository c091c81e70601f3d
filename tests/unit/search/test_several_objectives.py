"""Searches with several objectives in cases at the edge: none hangs, each has the front of its results, and all follows
from the record.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest

from evonas.domination import dominates
from evonas.recorded.replay import Replay
from evonas.recorded.rungs import difference_at_rungs
from evonas.search.codec import from_object, to_object
from evonas.search.objective import oriented_values, values_of
from evonas.search.totals import Totals
from evonas.search.trial import Trial, TrialState
from evonas.spec import SearchSpec
from tests.unit.search.climbing import Climb, accuracy, latency
from tests.unit.search.simulation import SPACE
from tests.unit.search.support import IDENTITY, search_spec

Curves = Mapping[str, Callable[[Trial, int], float | None]]

ACCURACY = {"metric": "accuracy"}
LATENCY = {"metric": "latency_ms", "goal": "Minimize"}
ROUNDING = 1e-9
COUNT = 18

IN_EACH_MODE = pytest.mark.parametrize("mode", [None, "Stop", "Pause"])
WITH_EACH_AGENT = pytest.mark.parametrize("agent", ["Random", "Evolution", "EvoNAS"])


def spec_of(
    agent: str, mode: str | None, objectives: Sequence[Mapping[str, Any]] = (ACCURACY, LATENCY), **spec: Any
) -> SearchSpec:
    fidelity = {} if mode is None else {"fidelity": {"rungs": {"min": 1, "max": 9, "factor": 3}, "mode": mode}}
    return search_spec(
        searchSpace=SPACE,
        objectives=[*objectives],
        budget={"maxTrials": COUNT, "parallelTrials": 3, "maxFailedTrials": COUNT},
        agent={"type": agent, **({} if agent == "Random" else {"warmup": 4})},
        **fidelity,
        **spec,
    )


def climbed(spec: SearchSpec, others: Curves, curve: Callable[[Trial, int], float] = accuracy) -> list[Trial]:
    """Run a search to its end, with the process started again in the middle, and judge it by what must always hold."""
    climb = Climb(spec, curve, others=others)
    volumes = [decided.totals.front.hypervolume for decided in climb.run(restarts=[COUNT // 2])]
    assert all(later >= earlier * (1 - ROUNDING) for earlier, later in pairwise(volumes))
    trials = climb.trials
    assert len(trials) == COUNT
    assert all(trial.state.is_final or trial.state is TrialState.PAUSED for trial in trials)
    assert [from_object(to_object(IDENTITY, trial)) for trial in trials] == trials
    assert {difference for _, difference in Replay(spec, trials).run()} == {None}
    assert difference_at_rungs(spec, trials) is None
    assert {member.index for member in front_of(spec, trials)} == undominated(spec, trials)
    return trials


def front_of(spec: SearchSpec, trials: Sequence[Trial]) -> list[Trial]:
    return Totals(spec.objectives, trials).front.members


def undominated(spec: SearchSpec, trials: Sequence[Trial]) -> set[int]:
    """Return the trials that no other dominates, of those with equal values the first one recorded."""
    known = sorted((trial for trial in trials if trial.reward is not None), key=lambda trial: trial.sequence or 0)
    points: dict[tuple[float, ...], int] = {}
    for trial in known:
        points.setdefault(oriented_values(spec.objectives, values_of(spec.objectives, trial) or ()), trial.index)
    return {index for point, index in points.items() if not any(dominates(other, point) for other in points)}


@IN_EACH_MODE
@WITH_EACH_AGENT
def test_metric_that_is_missing_in_one_trial_fails_that_trial_and_names_the_metric(
    agent: str, mode: str | None
) -> None:
    def forgetful(trial: Trial, step: int) -> float | None:
        return None if trial.index == 3 else latency(trial, step)

    trials = climbed(spec_of(agent, mode), {"latency_ms": forgetful})
    failed = [trial for trial in trials if trial.state is TrialState.FAILED]
    assert [(trial.index, trial.reason) for trial in failed] == [(3, "MetricMissing")]
    assert failed[0].message == "the trial reported no metric 'latency_ms', only accuracy"
    assert (failed[0].sequence, failed[0].rungs) == (None, ())


@IN_EACH_MODE
@WITH_EACH_AGENT
def test_metric_that_is_no_number_in_one_trial_fails_that_trial_and_is_the_worst_at_rungs(
    agent: str, mode: str | None
) -> None:
    def broken(trial: Trial, step: int) -> float:
        return math.nan if trial.index == 3 else latency(trial, step)

    trials = climbed(spec_of(agent, mode), {"latency_ms": broken})
    states = {trial.index: (trial.state, trial.reason) for trial in trials}
    if mode == "Stop":
        assert states[3] == (TrialState.STOPPED, "SuccessiveHalving")
        assert trials[3].message.startswith("diverged or beyond a limit at step 1 is ")
    else:
        assert states[3] == (TrialState.FAILED, "InvalidReward")
        assert trials[3].message.startswith("'latency_ms' in metrics in the termination message is not a finite number")
    assert not any(trial.state is TrialState.FAILED for trial in trials if trial.index != 3)


@IN_EACH_MODE
@WITH_EACH_AGENT
def test_trials_with_equal_values_are_treated_alike_and_the_first_is_the_front(agent: str, mode: str | None) -> None:
    spec = spec_of(agent, mode)
    trials = climbed(spec, {"latency_ms": lambda trial, step: 4.0}, lambda trial, step: 0.5)
    assert {trial.state for trial in trials} == {TrialState.SUCCEEDED}
    (member,) = front_of(spec, trials)
    assert member.sequence == min(trial.sequence or 0 for trial in trials)


@IN_EACH_MODE
@WITH_EACH_AGENT
@pytest.mark.parametrize("varies", ["accuracy", "latency_ms"])
def test_objective_that_never_changes_leaves_the_other_to_decide(agent: str, mode: str | None, varies: str) -> None:
    spec = spec_of(agent, mode)
    if varies == "accuracy":
        trials = climbed(spec, {"latency_ms": lambda trial, step: 4.0})
        best = max(trial.reward for trial in trials if trial.reward is not None)
    else:
        trials = climbed(spec, {"latency_ms": latency}, lambda trial, step: 0.5)
        best = min(trial.metrics["latency_ms"] for trial in trials if trial.reward is not None)
    assert [trial.reward if varies == "accuracy" else trial.metrics[varies] for trial in front_of(spec, trials)] == [
        best
    ]


@pytest.mark.parametrize("mode", ["Stop", "Pause"])
def test_objective_that_never_changes_changes_no_decision_at_a_rung(mode: str) -> None:
    two = climbed(spec_of("Random", mode), {"latency_ms": lambda trial, step: 4.0})
    fidelity = {"rungs": {"min": 1, "max": 9, "factor": 3}, "mode": mode}
    budget = {"maxTrials": COUNT, "parallelTrials": 3}
    climb = Climb(
        search_spec(searchSpace=SPACE, objective=ACCURACY, budget=budget, agent={"type": "Random"}, fidelity=fidelity)
    )
    for _ in climb.run():
        pass

    def decided(trials: Sequence[Trial]) -> list[object]:
        return [
            (trial.state, trial.message.partition(" at step ")[2], [rung.promoted_after for rung in trial.rungs])
            for trial in trials
        ]

    assert decided(two) == decided(climb.trials)


SCALES = {"tiny": 1e-300, "small": 1e-9, "large": 1e12, "huge": 1e290}


@IN_EACH_MODE
@WITH_EACH_AGENT
@pytest.mark.parametrize(("one", "other"), [("small", "large"), ("tiny", "huge")])
def test_three_objectives_of_wildly_different_scales_count_alike(
    agent: str, mode: str | None, one: str, other: str
) -> None:
    objectives = [ACCURACY, LATENCY, {"metric": "size", "goal": "Minimize"}]

    def size(trial: Trial, step: int) -> float:
        return SCALES[other] * (1.0 + float(trial.decisions["rate"]) * 40.0)

    scaled = spec_of(agent, mode, objectives)
    trials = climbed(scaled, {"latency_ms": lambda trial, step: SCALES[one] * latency(trial, step), "size": size})
    front = front_of(scaled, trials)
    assert len(front) > 1
    if mode is None:
        assert Counter(trial.state for trial in trials) == {TrialState.SUCCEEDED: COUNT}
