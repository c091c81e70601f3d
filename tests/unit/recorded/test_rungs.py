"""Decisions at rungs follow from the record, and whatever is changed in it there is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evonas.recorded.replay import Difference
from evonas.recorded.rungs import difference_at_rungs, judge
from evonas.search.trial import Import, ProposalRecord, RungResult, Trial, TrialState
from evonas.spec import SearchSpec
from tests.unit.search.climbing import TWO, Climb
from tests.unit.search.test_rungs import climbing_spec

PAUSING = ["Median", "SuccessiveHalving"]
RULES = ["None", "Median", "SuccessiveHalving"]
GOALS = ["Maximize", "Minimize"]
EACH = [*GOALS, "two"]
"""Goals of a single objective, and two objectives."""


def climbed(spec: SearchSpec, failing: int = 0) -> list[Trial]:
    climb = Climb(spec, failing=failing)
    for _ in climb.run():
        pass
    return climb.trials


def spec_of(rule: str, goal: str = "Maximize", mode: str = "Stop") -> SearchSpec:
    fidelity = {"rungs": {"min": 1, "max": 9, "factor": 3}, "rule": rule, "mode": mode}
    objectives = TWO if goal == "two" else {"objective": {"metric": "accuracy", "goal": goal}}
    return climbing_spec(fidelity=fidelity, **objectives)


@pytest.mark.parametrize("goal", EACH)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("failing", [0, 5])
def test_every_decision_at_a_rung_follows_from_the_record(rule: str, goal: str, failing: int) -> None:
    spec = spec_of(rule, goal)
    trials = climbed(spec, failing)
    assert difference_at_rungs(spec, trials) is None
    judgements = [*judge(spec, trials)]
    assert len(judgements) == sum(len(trial.rungs) for trial in trials)
    # Each said the same when it was recorded.
    for judgement in judgements:
        if judgement.trial.state is TrialState.STOPPED and judgement.is_last:
            assert judgement.trial.message == f"{judgement.result.in_words} {judgement.decision.because}"


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("rule", ["Median", "SuccessiveHalving"])
def test_whoever_had_what_was_needed_went_on(rule: str, goal: str) -> None:
    spec = spec_of(rule, goal)
    for judgement in judge(spec, climbed(spec)):
        assert judgement.result.value is not None
        if judgement.needed is not None:
            short = judgement.needed - judgement.result.value
            assert judgement.decision.stops == ((short if goal == "Maximize" else -short) > 0)


@pytest.mark.parametrize("rule", ["Median", "SuccessiveHalving"])
def test_trial_that_went_on_where_the_rule_stops_is_found(rule: str) -> None:
    spec = spec_of(rule)
    trials = climbed(spec)
    stopped = first(trials, TrialState.STOPPED)
    step = stopped.rungs[-1].step
    for state in (TrialState.RUNNING, TrialState.FAILED, TrialState.INFEASIBLE):
        difference = found(spec, trials, replace(stopped, state=state))
        assert difference.field == "state"
        assert difference.recorded == f"{state} after step {step}"
        assert difference.derived.startswith(f"Stopped at step {step}: it is ")
    # One that ended by itself in the same look has its reward.
    assert difference_at_rungs(spec, changed(trials, replace(stopped, state=TrialState.SUCCEEDED, reward=0.1))) is None


def test_trial_that_was_stopped_where_the_rule_lets_it_go_on_is_found() -> None:
    spec = spec_of("SuccessiveHalving")
    trials = climbed(spec)
    best = max((trial for trial in trials if trial.reward is not None), key=lambda trial: trial.reward or 0)
    difference = found(spec, trials, replace(best, state=TrialState.STOPPED, reward=None))
    assert difference.recorded == f"Stopped at step {best.rungs[-1].step}"
    assert difference.derived.startswith("goes on there: it is 1st of ")


@pytest.mark.parametrize(("goal", "change"), [("Maximize", {"value": 9.0}), ("two", {"others": (0.5,)})])
def test_changed_value_at_a_rung_is_found(goal: str, change: dict[str, Any]) -> None:
    spec = spec_of("SuccessiveHalving", goal)
    trials = climbed(spec)
    stopped = first(trials, TrialState.STOPPED)
    better = replace(stopped, rungs=(*stopped.rungs[:-1], replace(stopped.rungs[-1], **change)))
    assert found(spec, trials, better).index == stopped.index


def test_result_at_a_step_that_is_no_rung_is_found() -> None:
    spec = spec_of("None")
    trials = climbed(spec)
    odd = replace(trials[0], rungs=(*trials[0].rungs, RungResult(5, 0.5, 1000)))
    assert found(spec, trials, odd) == Difference(0, "rungs", "a result at step 5", "rungs at [1, 3]")
    plain = replace(spec, fidelity=None)
    assert difference_at_rungs(plain, trials) == Difference(0, "rungs", "a result at step 1", "rungs at []")


def first(trials: list[Trial], state: TrialState) -> Trial:
    return next(trial for trial in trials if trial.state is state)


def changed(trials: list[Trial], trial: Trial) -> list[Trial]:
    return [trial if trial.index == other.index else other for other in trials]


def found(spec: SearchSpec, trials: list[Trial], trial: Trial) -> Any:
    difference = difference_at_rungs(spec, changed(trials, trial))
    assert difference is not None
    assert difference.index == trial.index
    return difference


@pytest.mark.parametrize("goal", EACH)
@pytest.mark.parametrize("rule", PAUSING)
@pytest.mark.parametrize("failing", [0, 5])
def test_every_promotion_follows_from_the_record(rule: str, goal: str, failing: int) -> None:
    spec = spec_of(rule, goal, "Pause")
    trials = climbed(spec, failing)
    assert difference_at_rungs(spec, trials) is None
    judgements = [*judge(spec, trials)]
    assert [(each.result.sequence, each.result.step) for each in judgements] == sorted(
        (result.sequence, result.step) for trial in trials for result in trial.rungs
    )
    assert any(each.result.promoted_after for each in judgements)


@pytest.mark.parametrize("rule", PAUSING)
def test_promotion_that_the_rule_does_not_allow_is_found(rule: str) -> None:
    spec = spec_of(rule, mode="Pause")
    trials = climbed(spec)
    worst = min(trials, key=lambda trial: trial.rungs[0].value or 0)
    after = max(trial.last_sequence for trial in trials)
    rungs = (replace(worst.rungs[0], promoted_after=after),)
    difference = found(spec, trials, replace(worst, state=TrialState.FAILED, rungs=rungs))
    assert difference.recorded == f"promoted after {after} results"
    assert difference.derived.startswith("paused at step 1: it is ")


def test_trial_that_goes_on_without_a_promotion_is_found() -> None:
    spec = spec_of("SuccessiveHalving", mode="Pause")
    trials = climbed(spec)
    best = max(trials, key=lambda trial: len(trial.rungs))
    rungs = (replace(best.rungs[0], promoted_after=None), *best.rungs[1:])
    difference = found(spec, trials, replace(best, rungs=rungs))
    assert difference.recorded == "no promotion from step 1"
    assert difference.derived.startswith("one: the trial reached step ")


def test_imported_result_is_no_reason_to_end_without_one_of_its_own() -> None:
    spec = spec_of("SuccessiveHalving", mode="Pause")
    imported = Import("search other", 0, 0.9, {}, 1, 1)
    decisions = climbed(spec)[0].decisions
    proposal = ProposalRecord("imported", None, (), 0)
    known = Trial(0, decisions, proposal, TrialState.SUCCEEDED, reward=0.9, sequence=1, imported=imported)
    rungs = (RungResult(1, 0.1, 2, 2), RungResult(3, 0.2, 3, 3))
    own = Trial(1, decisions, proposal, TrialState.SUCCEEDED, reward=0.3, sequence=4, rungs=rungs)
    assert difference_at_rungs(spec, [known, own]) is None
