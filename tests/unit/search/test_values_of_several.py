"""A search with several objectives from the report to the status: what settles a trial, what ends the search, which
members are trained again, and that a record gives the same values as what was recorded.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.search.attempt import AttemptPhase, AttemptView, Ending, Verdict
from evonas.search.budget import Limit, Standing, find_limit
from evonas.search.codec import from_object, to_object, to_time
from evonas.search.confirmation import confirm, due_confirmations, find_result, find_winner
from evonas.search.objective import evaluate, in_words, reaches_target, values_of
from evonas.search.outcome import EMPTY_FRONT, NO_SUCCESS, conclude
from evonas.search.plan import plan
from evonas.search.recommendation import recommend
from evonas.search.settle import settle
from evonas.search.totals import Totals
from evonas.search.trial import Trial, TrialState
from evonas.search.trial_report import Report, parse_annotations, parse_message
from evonas.spec import SearchSpec
from tests.unit.search.support import IDENTITY, NOW, planned, search_spec, succeeded, totals_of, trial
from tests.unit.search.test_status import status_of

ACCURACY: dict[str, Any] = {"metric": "accuracy"}
LATENCY: dict[str, Any] = {"metric": "latency_ms", "goal": "Minimize"}


def two(accuracy: dict[str, Any] | None = None, latency: dict[str, Any] | None = None, **spec: Any) -> SearchSpec:
    return search_spec(objectives=[{**ACCURACY, **(accuracy or {})}, {**LATENCY, **(latency or {})}], **spec)


SPEC = two()


def measured(index: int, accuracy: float, latency: float, **fields: Any) -> Trial:
    return succeeded(index, accuracy, metrics={"accuracy": accuracy, "latency_ms": latency}, **fields)


def settled(spec: SearchSpec, report: Report) -> Trial:
    ending = Ending(Verdict.REPORTED, report=report)
    return settle(spec, trial(0), AttemptView(1, AttemptPhase.ENDED, start_time=NOW, end_time=NOW, ending=ending))


def test_a_trial_succeeds_with_a_value_of_each_objective() -> None:
    ended = settled(SPEC, Report(metrics={"accuracy": 0.9, "latency_ms": 5.0, "size": 3.0}))
    assert (ended.state, ended.reward) == (TrialState.SUCCEEDED, 0.9)
    assert values_of(SPEC.objectives, ended) == (0.9, 5.0)


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        ({"accuracy": 0.9}, "the trial reported no metric 'latency_ms', only accuracy"),
        ({"latency_ms": 5.0}, "the trial reported no metric 'accuracy', only latency_ms"),
        ({"accuracy": 0.9, "latency": 5.0}, "no metric 'latency_ms', only accuracy, latency; did you mean latency?"),
    ],
)
def test_a_metric_that_is_missing_in_one_trial_fails_it_by_name(metrics: dict[str, float], says: str) -> None:
    ended = settled(SPEC, Report(metrics=metrics))
    assert (ended.state, ended.reason, ended.reward) == (TrialState.FAILED, "MetricMissing", None)
    assert says in ended.message


def test_a_reward_alone_is_the_value_of_no_metric() -> None:
    ended = settled(SPEC, Report(reward=0.9))
    assert (ended.state, ended.reason) == (TrialState.FAILED, "MetricMissing")
    assert 'only a reward; report it as {"metrics": {"accuracy": …}}' in ended.message


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", '"high"', "null"])
@pytest.mark.parametrize("order", [("accuracy", "latency_ms"), ("latency_ms", "accuracy")])
def test_one_of_two_metrics_that_is_no_finite_number_fails_the_trial_and_is_named(
    value: str, order: tuple[str, str]
) -> None:
    said = {"accuracy": "0.9", "latency_ms": value}
    text = "{" + ", ".join(f'"{name}": {said[name]}' for name in order) + "}"
    for report in (parse_message(f'{{"metrics": {text}}}'), parse_annotations({"evonas.dev/metrics": text})):
        ended = settled(SPEC, report)
        assert (ended.state, ended.reason, ended.reward) == (TrialState.FAILED, "InvalidReward", None)
        assert "'latency_ms' in " in ended.message
        assert "is not a finite number" in ended.message


def test_infeasible_says_the_trial_and_no_value_counts() -> None:
    ended = settled(SPEC, Report(metrics={"accuracy": 0.9, "latency_ms": 5.0}, infeasible="too wide"))
    assert (ended.state, ended.message, ended.reward) == (TrialState.INFEASIBLE, "too wide", None)


LIMITED = two(
    {"constraints": [{"metric": "size", "target": 2, "exponent": -1}]},
    {"constraints": [{"metric": "memory", "max": 8}, {"metric": "size", "target": 2, "exponent": -1}]},
)


def test_soft_constraints_scale_their_own_objective_in_its_direction() -> None:
    metrics = {"accuracy": 0.9, "latency_ms": 5.0, "size": 4.0, "memory": 8.0}
    ended = settled(LIMITED, Report(metrics=metrics))
    assert (ended.state, ended.reward) == (TrialState.SUCCEEDED, 0.45)
    assert values_of(LIMITED.objectives, ended) == (0.45, 10.0)


@pytest.mark.parametrize(
    ("changed", "state", "reason", "says"),
    [
        ({"memory": 8.5}, TrialState.INFEASIBLE, "ConstraintViolated", "memory is 8.5, above its limit of 8"),
        ({"memory": None}, TrialState.FAILED, "MetricMissing", "no metric 'memory'"),
        ({"size": None}, TrialState.FAILED, "MetricMissing", "no metric 'size'"),
        ({"size": 0.0}, TrialState.FAILED, "InvalidReward", "a soft constraint needs size above 0"),
        ({"latency_ms": -1.0}, TrialState.FAILED, "InvalidReward", "a reward of at least 0, got 4 and -1"),
        ({"memory": 8.5, "latency_ms": None}, TrialState.FAILED, "MetricMissing", "no metric 'latency_ms'"),
        ({"memory": 8.5, "accuracy": None}, TrialState.FAILED, "MetricMissing", "no metric 'accuracy'"),
    ],
)
def test_constraints_of_any_objective_rule_a_trial_out(
    changed: dict[str, float | None], state: TrialState, reason: str, says: str
) -> None:
    metrics = {"accuracy": 0.9, "latency_ms": 5.0, "size": 4.0, "memory": 8.0, **changed}
    ended = settled(LIMITED, Report(metrics={name: value for name, value in metrics.items() if value is not None}))
    assert (ended.state, ended.reason, ended.reward) == (state, reason, None)
    assert says in ended.message


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(accuracy=FINITE, latency=FINITE, size=st.floats(1e-300, 1e300))
def test_values_are_the_same_before_and_after_the_record(accuracy: float, latency: float, size: float) -> None:
    for spec in (SPEC, LIMITED):
        metrics = {"accuracy": accuracy, "latency_ms": latency, "size": size, "memory": 1.0}
        ended = settled(spec, Report(metrics=metrics))
        evaluation = evaluate(spec.objectives, Report(metrics=metrics))
        assert (ended.state is TrialState.SUCCEEDED) == bool(evaluation.values)
        read = from_object(json.loads(json.dumps(to_object(IDENTITY, ended))))
        assert values_of(spec.objectives, read) == values_of(spec.objectives, ended) == (evaluation.values or None)


def test_target_is_a_point_that_one_trial_has_to_reach() -> None:
    both = two({"target": 0.9}, {"target": 5})
    assert [reaches_target(both.objectives, values) for values in ((0.9, 5.0), (0.95, 5.1), (0.89, 1.0))] == [
        True,
        False,
        False,
    ]
    one = two(latency={"target": 5})
    assert reaches_target(one.objectives, (0.0, 5.0))
    assert not reaches_target(SPEC.objectives, (1.0, 0.0))
    # What is not on the front is no result to end with.
    worth = two({"target": 0.9}, {"reference": 20})
    assert [reaches_target(worth.objectives, (0.95, latency)) for latency in (20.0, 20.1)] == [True, False]
    for spec, says in ((both, "targets with accuracy 0.95, latency_ms 4"), (one, "target with latency_ms 4")):
        totals = totals_of([measured(0, 0.95, 6.0), measured(1, 0.8, 6.0), measured(2, 0.95, 4.0)], spec)
        limit = find_limit(Standing(spec, totals, NOW, NOW))
        assert limit == Limit("TargetReached", f"trial 2 reached the {says}", cuts_short=True)


def test_search_with_something_on_its_front_is_complete_and_one_with_nothing_has_failed() -> None:
    limit = Limit("MaxTrialsReached", "all 2 trials were proposed")
    spec = two({"reference": 0.9}, {"reference": 20})
    trials = [measured(0, 0.95, 25.0), measured(1, 0.8, 10.0)]
    ended = conclude(limit, totals_of(trials, spec))
    assert (ended.reason, ended.failed) == (EMPTY_FRONT, True)
    assert ended.message == (
        "no trial is as good as every reference: best accuracy 0.95 (reference 0.9), best latency_ms 10 (reference 20)"
        " (MaxTrialsReached: all 2 trials were proposed)"
    )
    undeclared = conclude(limit, totals_of(trials, two({"reference": 0.99}))).message
    assert "best accuracy 0.95 (reference 0.99), best latency_ms 10 (no reference)" in undeclared
    assert conclude(limit, totals_of([*trials, measured(2, 0.9, 20.0)], spec)) == limit
    assert conclude(limit, totals_of([trial(0, TrialState.FAILED, reason="Error")], spec)).reason == NO_SUCCESS


FRONT = [measured(0, 0.9, 10.0), measured(1, 0.8, 5.0), measured(2, 0.7, 7.0), measured(3, 0.5, 1.0)]


def test_status_has_the_front_and_no_best() -> None:
    times = [replace(each, completion_time=NOW + timedelta(minutes=each.index)) for each in FRONT]
    status = status_of(planned(times, spec=SPEC), spec=SPEC)
    assert "best" not in status
    assert "recommended" not in status
    assert status["lastImprovement"] == to_time(NOW + timedelta(minutes=3))
    front = status["front"]
    assert (front["size"], front["reference"]) == (3, {"accuracy": "0.5", "latency_ms": "10.0"})
    assert float(front["hypervolume"]) == pytest.approx(0.3 * 5)
    assert front["members"] == [
        {"trial": IDENTITY.trial_name(0), "index": 0, "values": {"accuracy": "0.9", "latency_ms": "10.0"}},
        {"trial": IDENTITY.trial_name(1), "index": 1, "values": {"accuracy": "0.8", "latency_ms": "5.0"}},
        {"trial": IDENTITY.trial_name(3), "index": 3, "values": {"accuracy": "0.5", "latency_ms": "1.0"}},
    ]


def test_status_has_no_front_before_the_first_result_nor_with_one_objective() -> None:
    assert "front" not in status_of(planned([trial(0)], spec=SPEC), spec=SPEC)
    assert "lastImprovement" not in status_of(planned([trial(0)], spec=SPEC), spec=SPEC)
    status = status_of(planned([succeeded(0, 0.5, completion_time=NOW)]))
    assert "front" not in status
    assert status["best"]["reward"] == "0.5"


def test_status_of_a_front_with_nothing_on_it_says_so() -> None:
    spec = two(latency={"reference": 1})
    front = status_of(planned([measured(0, 0.9, 10.0)], spec=spec), spec=spec)["front"]
    assert (front["size"], front["members"], front["hypervolume"]) == (0, [], "0.0")
    assert front["reference"] == {"accuracy": "0.9", "latency_ms": "1.0"}


def test_status_of_a_front_of_thousands_is_bounded_and_its_volume_a_number() -> None:
    trials = [measured(index, float(index), float(index)) for index in range(3000)]
    status = status_of(planned(trials, spec=SPEC), spec=SPEC)
    assert status["front"]["size"] == 3000
    assert len(status["front"]["members"]) == 32
    assert {0, 2999} <= {member["index"] for member in status["front"]["members"]}
    assert len(json.dumps(status)) < 10_000
    largest = sys.float_info.max
    extreme = [measured(0, largest, largest), measured(1, -largest, -largest), measured(2, 0.0, 0.0)]
    volume = status_of(planned(extreme, spec=SPEC), spec=SPEC)["front"]["hypervolume"]
    assert float(volume) == largest
    json.loads(json.dumps(volume, allow_nan=False))


CONFIRMED = two(budget={"maxTrials": 4, "parallelTrials": 4}, confirm={"top": 2, "repeats": 2})


def test_the_most_valuable_members_are_confirmed_and_each_objective_has_a_mean() -> None:
    totals = Totals(CONFIRMED.objectives, FRONT)
    decided = plan(CONFIRMED, totals, [], {}, created={}, start_time=NOW, now=NOW)
    valuable = [member.index for member in totals.front.most_valuable(2)]
    assert [(each.proposal.parent, each.proposal.repeat) for each in decided.confirmations] == [
        (leader, repeat) for repeat in (1, 2) for leader in valuable
    ]
    assert not decided.is_over
    runs = [
        replace(each, state=TrialState.SUCCEEDED, reward=reward, metrics={"accuracy": reward, "latency_ms": latency})
        for each, (reward, latency) in zip(
            due_confirmations(CONFIRMED, totals, 3), [(0.6, 4.0), (0.3, 9.0), (0.8, 6.0)], strict=True
        )
    ]
    failed = replace(due_confirmations(CONFIRMED, totals, 4)[3], state=TrialState.FAILED, reason="Error")
    all_trials = [*FRONT, *runs, failed]
    after = Totals(CONFIRMED.objectives, all_trials)
    assert [member.index for member in after.front.members] == [member.index for member in totals.front.members]
    found = confirm(CONFIRMED, after)
    assert [each.leader.index for each in found] == valuable
    assert [each.means for each in found] == [pytest.approx((0.7, 5.0)), (0.3, 9.0)]
    assert [each.runs for each in found] == [2, 2]
    status = status_of(planned(all_trials, spec=CONFIRMED), spec=CONFIRMED)["confirmed"]
    assert [(item["index"], item["runs"]) for item in status] == [(valuable[0], 2), (valuable[1], 2)]
    assert float(status[0]["means"]["latency_ms"]) == 5.0
    assert float(status[0]["standardDeviations"]["latency_ms"]) == pytest.approx(math.sqrt(2))
    assert status[1]["means"] == {"accuracy": "0.3", "latency_ms": "9.0"}
    assert "standardDeviations" not in status[1]
    assert not {"wins", "mean", "standardDeviation"} & status[0].keys()


def test_several_objectives_have_no_winner_nor_a_recommendation() -> None:
    totals = Totals(SPEC.objectives, FRONT)
    assert find_winner(SPEC, totals) is None
    assert find_result(SPEC, totals) == (None, None)
    assert recommend(SPEC, totals) is None
    assert confirm(CONFIRMED, Totals(CONFIRMED.objectives, FRONT)) == []


def test_values_are_said_with_their_names() -> None:
    assert in_words(SPEC.objectives, (0.123456789, 1e-9)) == "accuracy 0.123457, latency_ms 1e-09"
