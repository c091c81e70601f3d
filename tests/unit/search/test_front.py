"""The front of a search: that of the definition, whatever the order in which its trials are added."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.domination import dominates
from evonas.search.front import Front
from evonas.search.objective import oriented_values, values_of
from evonas.search.totals import Totals
from evonas.search.trial import Trial
from evonas.spec import Objective
from tests.unit.search.support import succeeded

ACCURACY = Objective("accuracy", minimize=False, target=None, constraints=())
LATENCY = Objective("latency_ms", minimize=True, target=None, constraints=())
SIZE = Objective("parameters", minimize=True, target=None, constraints=())
TWO, THREE = (ACCURACY, LATENCY), (ACCURACY, LATENCY, SIZE)


def measured(index: int, *values: float, sequence: int | None = None) -> Trial:
    names = ("accuracy", "latency_ms", "parameters")
    metrics = dict(zip(names, values, strict=False))
    return succeeded(index, values[0], metrics=metrics, sequence=index + 1 if sequence is None else sequence)


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def searches(draw: st.DrawFn, others: st.SearchStrategy[float] = FINITE) -> tuple[tuple[Objective, ...], list[Trial]]:
    values = st.one_of(st.sampled_from([0.0, -0.0, 1.0, 2.0, 3.0]), others)
    objectives = tuple(
        Objective(each.metric, each.minimize, None, (), draw(st.sampled_from([None, 1.0, 2.0])))
        for each in THREE[: draw(st.integers(2, 3))]
    )
    count = draw(st.integers(0, 25))
    places = draw(st.permutations(range(1, count + 1)))
    rows = [[draw(values) for _ in objectives] for _ in range(count)]
    return objectives, [measured(index, *row, sequence=places[index]) for index, row in enumerate(rows)]


def naive(objectives: tuple[Objective, ...], trials: list[Trial]) -> set[int]:
    """The indexes of the members by definition."""

    def point(trial: Trial) -> tuple[float, ...]:
        return oriented_values(objectives, values_of(objectives, trial) or ())

    worth_anything = [
        trial
        for trial in trials
        if all(
            each.reference is None or value >= (-each.reference if each.minimize else each.reference)
            for each, value in zip(objectives, point(trial), strict=True)
        )
    ]
    return {
        trial.index
        for trial in worth_anything
        if not any(
            dominates(point(other), point(trial))
            or (point(other) == point(trial) and (other.sequence or 0) < (trial.sequence or 0))
            for other in worth_anything
        )
    }


def seen(front: Front) -> tuple[object, ...]:
    shown = (front.values, front.reference, front.best, front.hypervolume, front.cover(4), front.most_valuable(3))
    return front.members, [list(map(str, each)) for each in front.values], str(front.reference), *shown


@given(search=searches(), data=st.data())
def test_front_is_that_of_the_definition_in_any_order(
    search: tuple[tuple[Objective, ...], list[Trial]], data: st.DataObject
) -> None:
    objectives, trials = search
    shuffled = data.draw(st.permutations(trials))
    cut = data.draw(st.integers(0, len(trials)))
    whole, part = Front(objectives), Front(objectives)
    for trial in trials:
        whole.add(trial)
    for trial in shuffled[:cut]:
        part.add(trial)
    before = seen(part)
    more = part.copy()
    for trial in shuffled[cut:]:
        more.add(trial)
    assert seen(more) == seen(whole)
    assert seen(part) == before
    assert {member.index for member in whole.members} == naive(objectives, trials)
    points = [oriented_values(objectives, values) for values in whole.values]
    assert points == sorted(points, reverse=True)


@given(search=searches(st.floats(-1e6, 1e6)))
def test_hypervolume_never_shrinks(search: tuple[tuple[Objective, ...], list[Trial]]) -> None:
    objectives, trials = search
    front, before = Front(objectives), 0.0
    for trial in trials:
        front.add(trial)
        assert front.hypervolume >= before * (1 - 1e-9)
        before = front.hypervolume


def front_of(objectives: tuple[Objective, ...], *rows: tuple[float, ...]) -> Front:
    front = Front(objectives)
    for index, row in enumerate(rows):
        front.add(measured(index, *row))
    return front


def test_front_begins_empty_and_has_no_reference() -> None:
    front = Front(TWO)
    assert (len(front), front.reference, front.best, front.hypervolume) == (0, None, None, 0.0)
    assert (front.latest, front.cover(), front.most_valuable(3)) == (None, [], [])


def test_reference_is_the_worst_value_of_all_trials_where_none_is_given() -> None:
    front = front_of(TWO, (0.9, 10.0), (0.5, 30.0), (0.8, 5.0))
    assert front.reference == (0.5, 30.0)
    assert [member.index for member in front.members] == [0, 2]
    assert front.hypervolume == pytest.approx(0.4 * 20 + 0.3 * 5)


def test_what_is_worse_than_a_reference_is_not_on_the_front_and_what_is_equal_to_it_is() -> None:
    limited = (ACCURACY, Objective("latency_ms", minimize=True, target=None, constraints=(), reference=20.0))
    front = front_of(limited, (0.9, 20.5), (0.8, 20.0), (0.7, 10.0))
    assert [member.index for member in front.members] == [1, 2]
    assert front.reference == (0.7, 20.0)
    assert front.best == (0.9, 10.0)
    nothing = front_of(limited, (0.9, 21.0))
    assert (len(nothing), nothing.hypervolume, nothing.reference) == (0, 0.0, (0.9, 20.0))


def test_of_equal_trials_the_first_recorded_is_the_member_whenever_it_is_added() -> None:
    later, earlier = measured(0, 0.9, 10.0, sequence=5), measured(1, 0.9, 10.0, sequence=2)
    for trials in ((later, earlier), (earlier, later)):
        front = Front(TWO)
        for each in trials:
            front.add(each)
        assert front.members == [earlier]


def test_an_objective_that_never_changes_leaves_the_best_of_the_others() -> None:
    front = front_of(THREE, (0.9, 10.0, 7.0), (0.8, 12.0, 7.0), (0.7, 5.0, 7.0))
    assert [member.index for member in front.members] == [0, 2]
    # Nothing is above the worst value of an objective that has one value only.
    assert front.hypervolume == 0.0
    assert len(front.most_valuable(2)) == 2


def test_three_objectives_of_wildly_different_scales_count_alike() -> None:
    front = front_of(THREE, (1e-300, 1e300, 1.0), (2e-300, 2e300, 1.0), (3e-300, 3e300, 2.0), (0.0, 4e300, 3.0))
    assert [member.index for member in front.members] == [2, 1, 0]
    # Above 0, 4e300 and 3: a box of 3 x 1 x 1, one of 2 x 2 x 2 and one of 1 x 3 x 2, less what they share.
    assert front.hypervolume == pytest.approx(3 + 8 + 6 - 2 - 4 - 1 + 1)
    assert [member.index for member in front.most_valuable(3)] == [1, 0, 2]


def test_numbers_of_any_size_make_a_front_and_never_a_crash() -> None:
    largest = sys.float_info.max
    front = front_of(TWO, (largest, largest), (-largest, -largest), (0.0, 0.0), (-largest, largest))
    assert [member.index for member in front.members] == [0, 2, 1]
    assert front.hypervolume == math.inf
    assert len(front.cover()) == 3
    assert len(front.most_valuable(2)) == 2


def test_most_valuable_are_those_that_the_volume_needs_most() -> None:
    front = front_of(TWO, (0.0, 40.0), (0.9, 30.0), (0.89, 29.0), (0.5, 10.0), (0.49, 9.9), (0.1, 1.0))
    assert [member.index for member in front.most_valuable(3)] == [5, 2, 3]


def test_with_four_objectives_and_hundreds_of_members_the_most_valuable_are_found_among_those_that_cover_them() -> None:
    objectives = (*THREE, Objective("energy_mj", minimize=False, target=None, constraints=()))
    points = np.abs(np.random.default_rng(0).normal(size=(400, 4))) * [1, -1, -1, 1]
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    front = Front(objectives)
    for index, (accuracy, latency, size, energy) in enumerate(points.tolist()):
        metrics = {"accuracy": accuracy, "latency_ms": latency + 2, "parameters": size + 2, "energy_mj": energy}
        front.add(succeeded(index, accuracy, metrics=metrics))
    assert len(front) == 400
    found = [member.index for member in front.most_valuable(5)]
    assert len(set(found)) == 5
    assert [member.index for member in front.copy().most_valuable(5)] == found


def test_totals_of_several_objectives_have_a_front_and_no_best() -> None:
    trials = [measured(0, 0.9, 10.0), measured(1, 0.8, 5.0), measured(2, 0.7, 7.0)]
    totals = Totals(TWO, trials[:1])
    more = totals.plus(trials[1:])
    assert (totals.front.members, more.front.members) == (trials[:1], trials[:2])
    assert (more.best, more.leaders, more.latest_improvement) == (None, [], trials[1])
    assert more.results_since_best == 1
