"""Trials that pause at rungs: who goes on, what is recorded, and that it all follows from the record."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from evonas.errors import InvalidManifest
from evonas.search.attempt import AttemptPhase, AttemptView, Ending, QueuedReason, Verdict
from evonas.search.budget import affordable_trials
from evonas.search.codec import from_object, to_object
from evonas.search.pausing import find_promotions, find_until
from evonas.search.plan import Plan, plan
from evonas.search.totals import Totals
from evonas.search.trial import ProposalRecord, RungResult, Trial, TrialState
from evonas.search.trial_environment import trial_environment
from evonas.search.trial_progress import Progress
from evonas.search.trial_report import Report, parse_message
from evonas.spec import SearchSpec
from tests.unit.search.climbing import Climb
from tests.unit.search.support import IDENTITY, NOW
from tests.unit.search.test_rungs import FIDELITY, climbing_spec

PAUSE = {**FIDELITY, "mode": "Pause"}


def pausing_spec(agent: str = "Random", count: int = 24, **spec: object) -> SearchSpec:
    return climbing_spec(agent, count, **{"fidelity": PAUSE, **spec})


def climbed(spec: SearchSpec, **climb: Any) -> tuple[list[Trial], list[Plan]]:
    climbing = Climb(spec, **climb)
    plans = [*climbing.run()]
    return climbing.trials, plans


def paused(index: int, *values: float | None, promoted: int = 0) -> Trial:
    """Return a trial that paused at one rung after the other; ``promoted`` of its rungs were left."""
    rungs = [
        RungResult((1, 3, 9)[place], value, 100 * place + index + 1, 99 + 100 * place if place < promoted else None)
        for place, value in enumerate(values)
    ]
    proposal = ProposalRecord("random", None, (), 0)
    return Trial(index, {"blocks": 1, "rate": 0.1, "wide": True}, proposal, TrialState.PAUSED, rungs=tuple(rungs))


def promotions(trials: list[Trial], *, closing: bool = False, **spec: object) -> list[int]:
    parsed = pausing_spec(**spec)  # type: ignore[arg-type]
    return [
        trial.index for trial in find_promotions(parsed, Totals(parsed.objectives, trials), trials, closing=closing)
    ]


def test_nobody_goes_on_before_factor_trials_have_reached_the_rung() -> None:
    assert promotions([paused(0, 0.9), paused(1, 0.5)]) == []
    assert promotions([paused(0, 0.5), paused(1, 0.9), paused(2, 0.1)]) == [1]


def test_highest_rung_goes_first_and_there_the_best() -> None:
    first = [paused(index, 0.1 * index) for index in range(6)]
    second = [paused(6 + index, 0.9, 0.1 * index, promoted=1) for index in range(3)]
    assert promotions([*first, *second]) == [8]
    assert promotions([*second, paused(9, 0.95), paused(10, 0.92), paused(11, 0.91)]) == [8, 9, 10]


def test_those_who_went_on_still_count_at_the_rung_they_left() -> None:
    gone = replace(paused(0, 0.9, promoted=1), state=TrialState.RUNNING)
    spec = pausing_spec()
    rest = [paused(1, 0.5), paused(2, 0.4)]
    assert [*find_promotions(spec, Totals(spec.objectives, [gone, *rest]), rest, closing=False)] == []


def test_equal_values_all_go_on_and_diverged_ones_never() -> None:
    assert promotions([paused(0, 0.5), paused(1, 0.5), paused(2, 0.5)]) == [0, 1, 2]
    assert promotions([paused(0, None), paused(1, None), paused(2, None)], closing=True) == []


def test_those_beyond_a_hard_limit_take_no_place_of_others() -> None:
    beyond = [paused(index, None) for index in range(2, 9)]
    assert promotions([paused(0, 0.1), paused(1, 0.2), *beyond]) == [1, 0]


SEVERAL: dict[str, Any] = {"objectives": [{"metric": "accuracy"}, {"metric": "latency", "goal": "Minimize"}]}


def paused_with(index: int, *values: float) -> Trial:
    """Return a trial that paused at the first rung with a value of each objective."""
    trial = paused(index, values[0])
    return replace(trial, rungs=(replace(trial.rungs[0], others=values[1:]),))


def test_with_several_objectives_those_go_on_whom_the_fewest_dominate() -> None:
    ends = [paused_with(0, 0.1, 1.0), paused_with(1, 0.9, 9.0)]
    dominated = [
        paused_with(2, 0.1, 9.0),
        paused_with(3, 0.2, 9.5),
        paused_with(4, 0.3, 10.0),
        paused_with(5, 0.1, 9.9),
    ]
    assert promotions([*ends, *dominated], **SEVERAL) == [0, 1]
    assert promotions([*ends, *dominated, *(paused(index, None) for index in range(6, 20))], **SEVERAL)[:2] == [
        0,
        1,
    ]
    assert promotions([paused_with(index, 0.5, 3.0) for index in range(3)], **SEVERAL) == [0, 1, 2]


def test_with_several_objectives_a_search_ends_with_a_result() -> None:
    trials = [paused_with(0, 0.1, 9.0), paused_with(1, 0.2, 8.0)]
    assert promotions(trials, **SEVERAL) == []
    assert promotions(trials, closing=True, **SEVERAL) == [1]


def test_median_lets_the_better_half_go_on() -> None:
    fidelity = {**PAUSE, "rule": "Median"}
    assert promotions([paused(index, 0.1 * index) for index in range(5)], fidelity=fidelity) == [4, 3, 2]


def test_minimised_metric_promotes_the_smallest() -> None:
    objective = {"metric": "accuracy", "goal": "Minimize"}
    assert promotions([paused(0, 0.5), paused(1, 0.9), paused(2, 0.1)], objective=objective) == [2]


def test_best_at_the_highest_rung_goes_on_if_the_search_would_end_without_a_result() -> None:
    trials = [paused(0, 0.5), paused(1, 0.9, 0.3, promoted=1), paused(2, 0.1)]
    assert promotions(trials) == []
    assert promotions(trials, closing=True) == [1]


@pytest.mark.parametrize("count", [3, 4, 7, 24])
def test_search_ends_with_a_result_and_leaves_the_rest_paused(count: int) -> None:
    trials, plans = climbed(pausing_spec(count=count))
    states = Counter(trial.state for trial in trials)
    assert len(trials) == count
    assert states[TrialState.SUCCEEDED] >= 1
    assert states[TrialState.SUCCEEDED] + states[TrialState.PAUSED] == count
    assert plans[-1].limit is not None
    assert plans[-1].limit.reason == "MaxTrialsReached"
    best = max(trials, key=lambda trial: trial.reward or -math.inf)
    assert [rung.step for rung in best.rungs] == [1, 3]
    assert [attempt.reason for attempt in best.attempts] == ["Paused", "Paused", "Completed"]


def test_paused_trial_leaves_its_place_to_others_and_none_runs_beyond_the_places() -> None:
    for decided in climbed(pausing_spec())[1]:
        assert len(decided.unfinished) + decided.proposals <= 3
        assert decided.totals.unfinished == len(decided.unfinished)


def test_promotion_is_recorded_before_its_attempt_starts_and_says_why() -> None:
    for decided in climbed(pausing_spec())[1]:
        for trial in decided.promotions:
            assert trial in decided.records
            assert (trial.index, trial.current_attempt) in decided.starts
            assert trial.state is TrialState.QUEUED
            assert trial.reason == "Promoted"
            last = trial.rungs[-1]
            assert trial.message.startswith(f"{last.value:g} at step {last.step} is ")
            assert last.promoted_after is not None
            assert last.sequence <= last.promoted_after


def test_promoted_trial_waits_until_its_pause_is_recorded() -> None:
    for decided in climbed(pausing_spec())[1]:
        just_paused = {trial.index for trial in decided.records[: decided.results]}
        assert not just_paused & {trial.index for trial in decided.promotions}
        if any(trial.state is TrialState.PAUSED for trial in decided.records):
            assert decided.wake_at is not None


def test_more_trials_let_paused_ones_go_on() -> None:
    small, large = pausing_spec(count=9), pausing_spec(count=27)
    climb = Climb(small)
    for _ in climb.run():
        pass
    waiting = {trial.index for trial in climb.trials if trial.state is TrialState.PAUSED}
    climb.spec = large
    for _ in climb.run():
        pass
    assert len(climb.trials) == 27
    assert any(climb.trials[index].state is TrialState.SUCCEEDED for index in waiting)


def decide(
    trials: list[Trial], views: dict[int, AttemptView], vetoes: dict[int, str] | None = None, **spec: Any
) -> Plan:
    parsed = pausing_spec(**{"budget": {"maxTrials": 3, "parallelTrials": 3}, **spec})
    at_rest = {trial.index: trial for trial in trials if trial.state is TrialState.PAUSED}
    return plan(
        parsed,
        Totals(parsed.objectives, at_rest.values()),
        [trial for trial in trials if trial.index not in at_rest],
        views,
        paused=at_rest,
        created={},
        start_time=NOW,
        now=NOW,
        vetoes=vetoes or {},
    )


def ended(trial: Trial, value: float = 0.5, progress: Progress | None = None) -> AttemptView:
    ending = Ending(Verdict.REPORTED, report=Report(metrics={"accuracy": value}))
    return AttemptView(
        trial.current_attempt, AttemptPhase.ENDED, end_time=NOW, ending=ending, progress=progress, holds_resources=False
    )


PROMOTED = replace(paused(0, 0.4, promoted=1), state=TrialState.RUNNING)


def test_program_needs_no_progress_reports_to_pause() -> None:
    (trial,) = decide([replace(PROMOTED, rungs=())], {0: ended(replace(PROMOTED, rungs=()), 0.25)}).records
    assert trial.state is TrialState.PAUSED
    assert trial.rungs == (RungResult(1, 0.25, 1),)
    assert trial.reward is None
    assert trial.message == "0.25 at step 1 is 1st of 1, and none goes on before 3 are there"


def test_program_that_trains_beyond_its_rung_fails_with_the_cure() -> None:
    view = ended(PROMOTED, progress=Progress(9, {"accuracy": 0.5}))
    (trial,) = decide([PROMOTED], {0: view}).records
    assert (trial.state, trial.reason) == (TrialState.FAILED, "UntilIgnored")
    assert "EVONAS_UNTIL was 3" in trial.message


def message(resumed: int | None) -> str:
    return json.dumps({"metrics": {"accuracy": 0.5}} | ({} if resumed is None else {"resumed": resumed}))


@pytest.mark.parametrize(("resumed", "lost"), [(None, 0), (0, 1), (1, 0), (2, 0)])
def test_attempt_that_starts_again_from_less_is_counted(resumed: int | None, lost: int) -> None:
    view = ended(PROMOTED, progress=Progress(3, {"accuracy": 0.5}, resumed=resumed))
    said = replace(ended(PROMOTED), ending=Ending(Verdict.REPORTED, report=parse_message(message(resumed))))
    assert [trial.lost_checkpoints for trial in decide([PROMOTED], {0: said}).records] == [lost]
    (trial,) = decide([PROMOTED], {0: view}).records
    assert trial.state is TrialState.PAUSED
    assert trial.lost_checkpoints == lost
    assert from_object(to_object(IDENTITY, trial)).lost_checkpoints == lost
    loss = ", trained again from step 0, since the checkpoint of step 1 was gone" if lost else ""
    assert trial.attempts[-1].message == f"at step 3{loss}"


def test_pauses_use_up_no_retry() -> None:
    trial = replace(PROMOTED, rungs=(*PROMOTED.rungs,))
    view = replace(ended(trial), ending=Ending(Verdict.BROKEN, "Error", "exit code 1"), number=trial.current_attempt)
    (retried,) = decide([trial], {0: view}, trial={"retries": 1}).records
    assert (retried.state, retried.reason) == (TrialState.QUEUED, QueuedReason.RETRYING)


def test_result_beyond_a_hard_limit_is_the_worst_at_its_rung_and_no_outcome() -> None:
    objective = {"metric": "accuracy", "constraints": [{"metric": "latency", "max": 1}]}
    view = replace(
        ended(PROMOTED),
        ending=Ending(Verdict.REPORTED, report=Report(metrics={"accuracy": 0.9, "latency": 2.0})),
    )
    (trial,) = decide([PROMOTED], {0: view}, objective=objective).records
    assert trial.state is TrialState.PAUSED
    assert trial.rungs[-1].value is None


def test_suspended_search_promotes_nobody_and_is_not_over() -> None:
    trials = [paused(index, 0.1 * index) for index in range(3)]
    suspended = decide(trials, {}, suspend=True)
    assert suspended.promotions == ()
    assert not suspended.is_over
    assert [trial.index for trial in decide(trials, {}).promotions] == [2]


def test_search_that_is_cut_short_leaves_paused_trials_as_they_are() -> None:
    trials = [paused(index, 0.1 * index) for index in range(3)]
    budget = {"maxTrials": 9, "parallelTrials": 3, "maxSeconds": 1}
    parsed = pausing_spec(budget=budget)
    late = plan(
        parsed,
        Totals(parsed.objectives, trials),
        [],
        {},
        paused={trial.index: trial for trial in trials},
        created={},
        start_time=NOW.replace(year=2020),
        now=NOW,
    )
    assert late.is_over
    assert late.records == ()
    assert late.limit is not None
    assert "3 are Paused" in late.limit.message


def test_vetoed_trial_does_not_go_on() -> None:
    trials = [paused(index, 0.1 * index) for index in range(3)]
    decided = decide(trials, {}, vetoes={2: "too large"})
    vetoed = decided.records[0]
    assert (vetoed.index, vetoed.state, vetoed.reason) == (2, TrialState.INFEASIBLE, "Vetoed")
    assert [trial.index for trial in decided.promotions] == [1]


def test_paused_trial_waits_until_nothing_of_its_attempt_runs() -> None:
    trials = [paused(index, 0.1 * index) for index in range(3)]
    lingering = replace(ended(trials[2]), number=0, holds_resources=True)
    assert decide(trials, {2: lingering}).promotions == ()


def test_place_of_the_next_to_go_on_is_kept_while_its_last_attempt_ends() -> None:
    trials = [paused(index, 0.1 * index) for index in range(3)]
    lingering = replace(ended(trials[2]), number=0, holds_resources=True)
    budget = {"maxTrials": 9, "parallelTrials": 1}
    waiting, then = decide(trials, {2: lingering}, budget=budget), decide(trials, {}, budget=budget)
    assert (waiting.promotions, waiting.proposals) == ((), 0)
    assert ([trial.index for trial in then.promotions], then.proposals) == ([2], 0)
    assert decide(trials, {0: lingering}, budget=budget).promotions == then.promotions


def test_gpu_hours_keep_enough_for_one_full_training() -> None:
    budget = {"maxTrials": 50, "parallelTrials": 1, "maxGPUHours": 5 / 60}
    trial = {"timeoutSeconds": 60}
    trials, plans = climbed(pausing_spec(budget=budget, trial=trial, gpus=1))
    assert any(trial.state is TrialState.SUCCEEDED for trial in trials)
    assert plans[-1].limit is not None
    assert plans[-1].limit.reason == "MaxGPUHoursReached"


def test_gpu_hours_that_no_full_training_fits_in_are_refused_with_the_cure() -> None:
    budget = {"maxTrials": 9, "parallelTrials": 1, "maxGPUHours": 2}
    with pytest.raises(InvalidManifest, match=r"spec\.budget\.maxGPUHours: .* 3 attempts, .* 3 GPU hours, .* raise it"):
        pausing_spec(budget=budget, trial={"timeoutSeconds": 3600}, gpus=1)


def test_trial_that_failed_at_a_high_rung_leads_to_no_result() -> None:
    budget = {"maxTrials": 9, "parallelTrials": 1, "maxGPUHours": 3}
    spec = pausing_spec(budget=budget, trial={"timeoutSeconds": 3600}, gpus=1)
    failed = replace(paused(0, 0.9, 0.8, promoted=1), state=TrialState.FAILED)
    assert affordable_trials(spec, Totals(spec.objectives, [failed, paused(1, 0.1)])) == 1
    assert affordable_trials(spec, Totals(spec.objectives, [paused(0, 0.9, 0.8, promoted=1), paused(1, 0.1)])) == 2


def test_attempt_is_told_where_to_end() -> None:
    spec = pausing_spec()
    assert trial_environment(IDENTITY, spec, replace(PROMOTED, rungs=()))["EVONAS_UNTIL"] == "1"
    assert trial_environment(IDENTITY, spec, PROMOTED)["EVONAS_UNTIL"] == "3"
    confirmation = replace(PROMOTED, rungs=(), proposal=replace(PROMOTED.proposal, repeat=1))
    assert find_until(spec, confirmation) == 9
    assert "EVONAS_UNTIL" not in trial_environment(IDENTITY, climbing_spec(), PROMOTED)


def test_record_with_more_rungs_than_the_search_has_leads_to_the_last() -> None:
    assert find_until(pausing_spec(), replace(PROMOTED, rungs=paused(0, 0.1, 0.2, 0.3).rungs)) == 9


def test_rule_none_has_no_meaning_in_mode_pause() -> None:
    with pytest.raises(InvalidManifest, match=r"spec\.fidelity\.rule: must be Median or SuccessiveHalving"):
        pausing_spec(fidelity={**PAUSE, "rule": "None"})
