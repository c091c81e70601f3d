"""The Pareto front against its definition, and which way the metrics of a search are better."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.errors import EvonasError
from evonas.recorded.pareto import Axis, check_reported, default_axes, find_front, parse_axes, trade_off
from evonas.search.confirmation import ORIGIN
from evonas.search.trial import ProposalRecord, Trial, TrialState
from evonas.spec import Objective
from tests.unit.search.support import search_spec, succeeded, trial

Points = list[tuple[float, float]]
NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(allow_nan=False, allow_infinity=False))
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=30)


def dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] >= other[0] and one[1] >= other[1] and one != other


@given(POINTS)
def test_front_is_what_nothing_dominates_and_all_else_is_dominated_by_it(points: Points) -> None:
    front = find_front(points)
    assert sorted(front) == [
        place for place, point in enumerate(points) if not any(dominates(other, point) for other in points)
    ]
    for place, point in enumerate(points):
        assert place in front or any(dominates(points[best], point) for best in front)


@given(POINTS)
def test_front_falls_in_one_number_while_the_other_rises(points: Points) -> None:
    front = [points[place] for place in find_front(points)]
    assert front == sorted(front, key=lambda point: (-point[0], point[1]))


@given(POINTS, st.randoms(use_true_random=False))
def test_front_is_the_same_in_any_order_and_without_the_rest(points: Points, dice: Any) -> None:
    front = [points[place] for place in find_front(points)]
    shuffled = points[:]
    dice.shuffle(shuffled)
    assert [shuffled[place] for place in find_front(shuffled)] == front
    assert find_front(front) == list(range(len(front)))


@given(POINTS)
def test_front_from_the_other_side_is_the_same(points: Points) -> None:
    assert set(find_front([(second, first) for first, second in points])) == set(find_front(points))


def objective(**fields: Any) -> Objective:
    return search_spec(objective=fields).objective


LIMITED = objective(
    metric="accuracy",
    constraints=[
        {"metric": "latency_ms", "max": 8},
        {"metric": "throughput", "target": 100, "exponent": 0.1},
        {"metric": "size", "target": 5, "exponent": -0.1},
    ],
)


def test_the_search_says_which_way_is_better() -> None:
    names = (
        "accuracy",
        "latency_ms",
        "throughput",
        "size",
        "reward",
        "loss:min",
        "speed:max",
        "accuracy:min",
        "a:b:min",
    )
    ways = [parse_axes([LIMITED], (name, "other:max"))[0] for name in names]
    assert ways == [
        Axis("accuracy", False),
        Axis("latency_ms", True),
        Axis("throughput", False),
        Axis("size", True),
        Axis("reward", False),
        Axis("loss", True),
        Axis("speed", False),
        Axis("accuracy", True),
        Axis("a:b", True),
    ]
    assert parse_axes([objective(goal="Minimize")], ("reward", "x:max"))[0].minimize


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("accuracy", "loss"), "does not say which way loss is better: write loss:min or loss:max"),
        (("accuracy", ":min"), "which way :min is better"),
        (("accuracy", "accuracy:min"), "needs two metrics, got accuracy twice"),
    ],
)
def test_what_cannot_be_compared_is_refused(names: tuple[str, str], said: str) -> None:
    with pytest.raises(EvonasError, match=said):
        parse_axes([LIMITED], names)


def test_the_objective_is_compared_with_what_it_constrains() -> None:
    assert default_axes(LIMITED) == (Axis("accuracy", False), Axis("latency_ms", True))
    assert default_axes(objective(metric="accuracy")) is None
    unnamed = objective(constraints=[{"metric": "size", "max": 3}])
    assert default_axes(unnamed) == (Axis("reward", False), Axis("size", True))
    itself = objective(metric="size", goal="Minimize", constraints=[{"metric": "size", "max": 3}])
    assert default_axes(itself) is None


def test_only_feasible_candidates_compete_and_confirmations_do_not() -> None:
    def measured(index: int, accuracy: float, latency: float) -> Trial:
        return succeeded(index, accuracy, metrics={"accuracy": accuracy, "latency_ms": latency})

    best, fast, beaten = measured(0, 0.9, 7), measured(1, 0.5, 1), measured(2, 0.5, 2)
    ruled_out = trial(3, TrialState.INFEASIBLE, metrics={"accuracy": 0.99, "latency_ms": 9})
    again = Trial(
        4,
        {"a": 0},
        ProposalRecord(ORIGIN, 0, (), 4, repeat=1),
        TrialState.SUCCEEDED,
        reward=1.0,
        metrics=ruled_out.metrics,
    )
    silent, failed = succeeded(5, 0.95), trial(6, TrialState.FAILED)
    axes = parse_axes([LIMITED], ("accuracy", "latency_ms"))
    found = trade_off([beaten, fast, ruled_out, best, again, silent, failed], axes)
    assert (found.front, found.dominated, found.infeasible) == ([best, fast], [beaten], [ruled_out])


def test_a_metric_that_nobody_reported_is_named() -> None:
    trials = [succeeded(0, 1.0, metrics={"accuracy": 1.0, "loss": 2.0})]
    check_reported(trials, parse_axes([LIMITED], ("reward", "loss:min")))
    check_reported([], parse_axes([LIMITED], ("reward", "lost:min")))
    with pytest.raises(EvonasError, match="no trial reported a metric 'lost', only accuracy, loss"):
        check_reported(trials, parse_axes([LIMITED], ("reward", "lost:min")))
