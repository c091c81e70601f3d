"""The limits of a search: when each is reached, what it says, which is named first, and what is still affordable."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.search.attempt import AttemptPhase, AttemptView
from evonas.search.budget import LIMITS, Limit, Standing, affordable_trials, find_deadline, find_limit
from evonas.search.settle import gpu_seconds
from evonas.search.trial import Trial, TrialState
from evonas.spec import SearchSpec
from tests.unit.search.support import NOW, search_body, search_spec, succeeded, totals_of, trial

HOUR = 3600


def limit_of(
    spec: SearchSpec, trials: list[Trial], *, start_time: datetime | None = NOW, now: datetime = NOW
) -> Limit | None:
    return find_limit(Standing(spec, totals_of(trials, spec), start_time, now))


def failed(index: int, **fields: Any) -> Trial:
    return trial(index, TrialState.FAILED, **fields)


def test_nothing_limits_a_search_that_has_just_begun() -> None:
    spec = search_spec(budget={"maxSeconds": 10, "maxGPUHours": 100}, gpus=1, objective={"target": 0.9})
    assert limit_of(spec, []) is None
    assert limit_of(spec, [], start_time=None, now=NOW + timedelta(days=999)) is None


def test_more_failed_trials_than_allowed_are_the_failure_of_the_search() -> None:
    spec = search_spec(budget={"maxFailedTrials": 1})
    assert limit_of(spec, [failed(0)]) is None
    reached = limit_of(spec, [failed(0, reason="A"), failed(1, reason="OOMKilled", message="137")])
    said = "2 trials failed, more than maxFailedTrials (1); the last one with OOMKilled: 137"
    assert reached == Limit("TooManyFailedTrials", said, failed=True, cuts_short=True)
    assert limit_of(search_spec(budget={"maxFailedTrials": 0}), [failed(0, reason="A")]) == Limit(
        "TooManyFailedTrials",
        "1 trial failed, more than maxFailedTrials (0); the last one with A",
        failed=True,
        cuts_short=True,
    )


def test_infeasible_trials_are_no_failures() -> None:
    spec = search_spec(budget={"maxFailedTrials": 0})
    assert limit_of(spec, [trial(0, TrialState.INFEASIBLE)]) is None


def test_target_is_reached_by_any_trial_from_the_goals_side() -> None:
    up, down = (search_spec(objective={"goal": goal, "target": 0.5}) for goal in ("Maximize", "Minimize"))
    above, below = [succeeded(0, 0.75), trial(1)], [succeeded(0, 0.25), trial(1)]
    assert limit_of(up, above) == Limit("TargetReached", "trial 0 reached the target with 0.75", cuts_short=True)
    assert limit_of(down, below) == Limit("TargetReached", "trial 0 reached the target with 0.25", cuts_short=True)
    assert limit_of(up, below) is limit_of(down, above) is None


def test_last_trial_that_may_be_proposed_is_proposed() -> None:
    spec = search_spec(budget={"maxTrials": 5})
    assert limit_of(spec, [trial(index) for index in range(4)]) is None
    assert limit_of(spec, [trial(index) for index in range(5)]) == Limit(
        "MaxTrialsReached", "all 5 trials were proposed"
    )


def test_space_ends_a_search_before_its_budget_does() -> None:
    spec = search_spec(searchSpace=[{"name": "a", "values": [0, 1, 2]}])
    assert limit_of(spec, [trial(index) for index in range(2)]) is None
    reached = limit_of(spec, [trial(index) for index in range(3)])
    assert reached == Limit("SpaceExhausted", "all 3 candidates of the space were tried")


def test_seconds_are_counted_from_the_start() -> None:
    spec = search_spec(budget={"maxSeconds": 60})
    deadline = NOW + timedelta(seconds=60)
    assert find_deadline(spec, NOW) == deadline
    assert limit_of(spec, [], now=deadline - timedelta(microseconds=1)) is None
    assert limit_of(spec, [], now=deadline) == Limit(
        "MaxSecondsReached", "the search ran for 60 seconds", cuts_short=True
    )
    assert find_deadline(spec, None) is None
    assert find_deadline(search_spec(), NOW) is None


def test_gpu_hours_are_reached_once_nothing_runs_that_could_give_some_back() -> None:
    spec = search_spec(budget={"maxGPUHours": 4}, trial={"timeoutSeconds": HOUR}, gpus=2)
    used = succeeded(0, 0.5, gpu_seconds=2 * HOUR + 1)
    assert limit_of(spec, [used, trial(1)]) is None
    reached = limit_of(spec, [used])
    assert reached == Limit("MaxGPUHoursReached", "2.00 of 4 GPU hours are used, and one more trial may take 2.00")
    assert limit_of(spec, [replace(used, gpu_seconds=2 * HOUR)]) is None


def test_first_of_several_limits_is_named_in_the_documented_order() -> None:
    spec = search_spec(
        searchSpace=[{"name": "a", "values": [0, 1]}],
        objective={"target": 0.5},
        budget={"maxTrials": 2, "parallelTrials": 1, "maxFailedTrials": 0, "maxSeconds": 1, "maxGPUHours": 1},
        trial={"timeoutSeconds": HOUR},
        gpus=1,
    )
    totals = totals_of([succeeded(0, 1.0, gpu_seconds=HOUR), failed(1)], spec)
    standing = Standing(spec, totals, NOW, NOW + timedelta(hours=2))
    reached = [limit(standing) for limit in LIMITS]
    reasons = [limit.reason for limit in reached if limit is not None]
    assert reasons == [
        "TooManyFailedTrials",
        "TargetReached",
        "MaxTrialsReached",
        "SpaceExhausted",
        "MaxSecondsReached",
        "MaxGPUHoursReached",
    ]
    assert find_limit(standing) == reached[0]
    assert [limit.reason for limit in reached if limit is not None and limit.failed] == ["TooManyFailedTrials"]


@pytest.mark.parametrize(("hours", "gpus"), [(None, 1), (1, 0)])
def test_any_number_of_trials_is_affordable_without_a_limit_or_without_gpus(hours: float | None, gpus: int) -> None:
    spec = search_spec(budget={} if hours is None else {"maxGPUHours": hours}, gpus=gpus)
    assert affordable_trials(spec, totals_of([succeeded(0, 0.5, gpu_seconds=10**9)], spec)) == math.inf


@given(
    hours=st.floats(0.5, 1000),
    timeout=st.integers(1, 100_000),
    gpus=st.integers(1, 8),
    used=st.lists(st.integers(0, 100_000), max_size=5),
    unfinished=st.integers(0, 5),
)
def test_affordable_trials_fit_at_worst_and_one_more_would_not(
    hours: float, timeout: int, gpus: int, used: list[int], unfinished: int
) -> None:
    spec = search_spec(budget={"maxGPUHours": hours}, trial={"timeoutSeconds": timeout}, gpus=gpus)
    trials = [succeeded(index, 0.5, gpu_seconds=seconds) for index, seconds in enumerate(used)]
    trials += [trial(len(used) + index) for index in range(unfinished)]
    count = affordable_trials(spec, totals_of(trials, spec))
    worst = gpus * timeout
    spent = sum(used) + worst * unfinished
    assert count == int(count)
    assert spent + count * worst <= hours * HOUR
    assert spent + (count + 1) * worst > hours * HOUR


@given(
    replicas=st.integers(1, 20),
    gpus=st.integers(1, 8),
    timeout=st.integers(1, 100_000),
    share=st.fractions(0, 1, max_denominator=1000),
)
def test_shares_of_gpus_are_charged_to_the_second_and_never_more_than_was_reserved(
    replicas: int, gpus: int, timeout: int, share: Fraction
) -> None:
    spec = search_spec(
        budget={"devicesPerGPU": {"nvidia.com/gpu": replicas}}, trial={"timeoutSeconds": timeout}, gpus=gpus
    )
    held = timedelta(milliseconds=int(share * timeout * 1000))
    charged = charged_for(spec, held)
    exactly = Fraction(held // timedelta(milliseconds=1), 1000) * Fraction(gpus, replicas)
    assert exactly <= charged < exactly + 1
    assert charged <= spec.trial.worst_gpu_seconds


def charged_for(spec: SearchSpec, held: timedelta) -> int:
    view = AttemptView(1, AttemptPhase.ENDED, held_since=NOW, end_time=NOW + held)
    return gpu_seconds(spec, trial(0), view, view)


def test_seven_trials_on_slices_of_a_gpu_cost_what_one_on_all_of_it_does() -> None:
    def cost(resource: str) -> int:
        body = search_body(gpus=1)
        container = body["spec"]["trial"]["template"]["spec"]["containers"][0]
        container["resources"] = {"limits": {resource: 1}}
        return charged_for(SearchSpec.parse(body), timedelta(hours=7))

    assert [cost(f"nvidia.com/mig-{profile}") for profile in ("1g.10gb", "3g.40gb", "7g.80gb")] == [
        HOUR,
        3 * HOUR,
        7 * HOUR,
    ]
    assert cost("nvidia.com/gpu") == 7 * HOUR
