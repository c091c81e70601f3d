"""Which candidate a user's rule picks, and what is said where it picks none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.domination import find_knee
from evonas.errors import EvonasError
from evonas.recorded.pareto import Axis
from evonas.recorded.preference import parse_preference, prefer, why_none
from evonas.recorded.search import Phase, RecordedSearch
from evonas.search.confirmation import ORIGIN
from evonas.search.trial import ProposalRecord, Trial, TrialState
from tests.unit.search.fronts import TWO
from tests.unit.search.support import search_body, succeeded

POINTS = ((0.9, 9.0, 30.0), (0.8, 4.0, 10.0), (0.7, 3.5, 20.0), (0.5, 1.0, 40.0))
"""Accuracy, latency and size of a front."""


def recorded(points: Any = POINTS, trials: Any = (), **spec: Any) -> RecordedSearch:
    measured = [
        succeeded(index, accuracy, metrics={"accuracy": accuracy, "latency_ms": latency, "size": size})
        for index, (accuracy, latency, size) in enumerate(points)
    ]
    body = search_body(**(spec or {"objectives": [*TWO]}))
    body["metadata"]["uid"] = "0f0e"
    return RecordedSearch("here", body, (*measured, *trials), Phase.COMPLETE)


def picked(rule: str, record: RecordedSearch | None = None) -> int:
    return prefer(record or recorded(), parse_preference(rule)).index


@pytest.mark.parametrize(
    ("rule", "index"),
    [
        ("max:accuracy", 0),
        ("min:latency_ms", 3),
        ("accuracy>=0.7,min:latency_ms", 2),
        (" accuracy >= 0.7 , latency_ms<=4,max:accuracy", 1),
        ("min:size", 1),
        ("max:reward", 0),
        ("knee", 1),
        ("latency_ms<=3.5,knee", 2),
    ],
)
def test_a_rule_picks_one_of_the_front(rule: str, index: int) -> None:
    assert picked(rule) == index


def test_what_is_dominated_is_never_picked() -> None:
    assert picked("min:size", recorded([*POINTS, (0.6, 8.0, 1.0)])) == 1


def test_a_search_with_one_objective_has_all_its_results_to_pick_from() -> None:
    record = recorded(objective={"metric": "accuracy"})
    assert picked("accuracy>=0.6,min:size", record) == 1
    assert picked("max:size", record) == 3
    with pytest.raises(
        EvonasError, match="has one objective, so its results have no knee; name a metric by min:METRIC"
    ):
        picked("knee", record)


def test_what_was_confirmed_is_judged_by_its_confirmations() -> None:
    again = ProposalRecord(ORIGIN, 0, (), 4, repeat=1)
    run = Trial(4, {"a": 0}, again, TrialState.SUCCEEDED, reward=0.6, metrics={"accuracy": 0.6, "latency_ms": 9.5})
    record = recorded(trials=[run])
    assert picked("max:accuracy", record) == 1
    assert picked("max:latency_ms", record) == 0
    with pytest.raises(
        EvonasError, match=r"no member of the front has accuracy>=0.85: the nearest is trial 1 with 0.8"
    ):
        picked("accuracy>=0.85,knee", record)
    # One that failed says nothing.
    assert (
        picked("max:accuracy", recorded(trials=[replace(run, state=TrialState.FAILED, reward=None, metrics={})])) == 0
    )


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("accuracy>=0.7", "several may meet that; end it with min:METRIC, max:METRIC or knee"),
        ("kneee", "'kneee' is no choice; did you mean knee"),
        ("", "'' is no choice"),
        ("min:size,max:accuracy", "min:size and max:accuracy are 2 choices; keep one, as the last part"),
        ("accuracy>0.7,knee", "'accuracy>0.7' is no condition: conditions have >= or <=; write"),
        ("accuracy >= 0.7, size < 30", "'size < 30' is no condition: conditions have >= or <=; write"),
        ("accuracy=0.7,knee", "'accuracy=0.7' is no condition: conditions have >= or <=; write"),
        ("accuracy=>0.7,knee", "'accuracy=>0.7' is no condition: conditions have >= or <=; write"),
        ("accuracy==0.7,knee", "'accuracy==0.7' is no condition: conditions have >= or <=; write"),
        ("min:size,accuracy>=0.7", "the choice comes last; write accuracy>=0.7,min:size$"),
        ("knee,accuracy>=0.7,size<=3", "the choice comes last; write accuracy>=0.7,size<=3,knee$"),
        ("accuracy,knee", "'accuracy' is no condition; write"),
        ("accuracy>=much,knee", "'much' is no number"),
        ("accuracy>=nan,knee", "'nan' is no number"),
    ],
)
def test_what_is_no_rule_is_refused(rule: str, said: str) -> None:
    with pytest.raises(EvonasError, match=said):
        parse_preference(rule)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("min:latency", "no trial reported a metric 'latency', only accuracy, latency_ms, reward, size; did you mean"),
        ("acuracy>=0.7,knee", "no metric|no trial reported a metric 'acuracy'"),
        ("accuracy>=0.95,knee", "no member of the front has accuracy>=0.95: the nearest is trial 0 with 0.9"),
        (
            "accuracy>=0.85,latency_ms<=5,knee",
            "accuracy>=0.85 and latency_ms<=5, though each is met by some: the nearest is trial 1, which meets 1 of"
            " them, but has accuracy 0.8",
        ),
    ],
)
def test_a_rule_that_picks_none_says_why(rule: str, said: str) -> None:
    with pytest.raises(EvonasError, match=said):
        picked(rule)


@pytest.mark.parametrize(
    ("points", "phase", "said"),
    [
        ((), Phase.RUNNING, "here has no front yet: there are no results"),
        ((), Phase.COMPLETE, "here has no front: no trial was run"),
        (
            POINTS,
            Phase.RUNNING,
            "here has no front yet: no result is as good as every reference: best accuracy 0.9 (reference 0.95), best"
            " latency_ms 1 (no reference)",
        ),
        (
            POINTS,
            Phase.FAILED,
            "here has no front: no trial is as good as every reference: best accuracy 0.9 (reference 0.95), best"
            " latency_ms 1 (no reference)",
        ),
    ],
)
def test_without_a_front_there_is_nothing_to_pick_and_yet_is_said_only_of_a_search_that_goes_on(
    points: Any, phase: Phase, said: str
) -> None:
    record = replace(recorded(points, objectives=[{**TWO[0], "reference": 0.95}, TWO[1]]), phase=phase)
    with pytest.raises(EvonasError) as raised:
        picked("knee", record)
    assert str(raised.value) == said


@pytest.mark.parametrize("objectives", [TWO, TWO[:1]])
def test_a_search_that_ended_without_a_result_says_what_its_trials_came_to(objectives: Any) -> None:
    limit = "lat is 9, above its limit of 5"
    beyond = replace(
        succeeded(0, 0.5), reward=None, state=TrialState.INFEASIBLE, reason="ConstraintViolated", message=limit
    )
    spec = {"objectives": [*objectives]} if len(objectives) > 1 else {"objective": objectives[0]}
    record = replace(recorded([], [beyond], **spec), phase=Phase.FAILED)
    what = "front" if len(objectives) > 1 else "trial with a reward"
    why = f"no trial succeeded: 1 Infeasible with ConstraintViolated; trial 0: {limit}"
    assert why_none(record) == f"here has no {what}: {why}"


def test_a_metric_that_some_lack_is_asked_of_the_others() -> None:
    silent = succeeded(4, 0.95, metrics={"accuracy": 0.95, "latency_ms": 20.0})
    record = recorded(trials=[silent])
    assert picked("max:accuracy", record) == 4
    assert picked("size<=30,max:accuracy", record) == 0
    with pytest.raises(EvonasError, match=r"^none of what meets the conditions has reported size"):
        picked("accuracy>=0.95,min:size", record)


NUMBERS = st.integers(-4, 4).map(float)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=20), NUMBERS, st.booleans())
def test_what_is_picked_meets_the_conditions_and_nothing_that_does_is_better(
    points: Any, bound: float, minimize: bool
) -> None:
    record = recorded(points)
    rule = f"accuracy>={bound},{'min' if minimize else 'max'}:size"
    members = [trial for trial in record.totals.front.members if trial.metrics["accuracy"] >= bound]
    if not members:
        with pytest.raises(EvonasError, match="the nearest is trial"):
            picked(rule, record)
        return
    found = prefer(record, parse_preference(rule))
    assert found in members
    axis = Axis("size", minimize)
    assert axis.merit(found.metrics["size"]) == max(axis.merit(trial.metrics["size"]) for trial in members)
    knee = prefer(record, parse_preference("knee"))
    assert knee is record.totals.front.members[find_knee(record.totals.front._points)]
