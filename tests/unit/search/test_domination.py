"""Non-domination, hypervolume and what follows from them, against their definitions, for whatever numbers there are."""

from __future__ import annotations

import math
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.domination import (
    Points,
    contributions,
    cover,
    dominates,
    find_crowding,
    find_front,
    find_knee,
    find_ranks,
    hypervolume,
    order,
)

LARGEST = sys.float_info.max
FEW = st.sampled_from([0.0, 1.0, 2.0, 3.0])
"""Of which many are equal."""
ANY = st.one_of(
    FEW,
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([-math.inf, LARGEST, -LARGEST, 5e-324, -0.0, 1e300, 1e-300]),
)


@st.composite
def clouds(draw: st.DrawFn, values: st.SearchStrategy[float] = ANY, most: int = 12) -> Points:
    objectives = draw(st.integers(2, 4))
    rows = draw(st.lists(st.lists(values, min_size=objectives, max_size=objectives), max_size=most))
    return np.array(rows, np.float64).reshape(-1, objectives)


@given(points=clouds())
def test_the_front_is_what_no_other_point_dominates(points: Points) -> None:
    rows = points.tolist()
    assert find_front(points).tolist() == [not any(dominates(other, row) for other in rows) for row in rows]


@given(points=clouds())
def test_ranks_are_those_of_fronts_taken_away_one_after_the_other(points: Points) -> None:
    rows, left, expected, rank = points.tolist(), set(range(len(points))), [0] * len(points), 0
    while left:
        front = {one for one in left if not any(dominates(rows[other], rows[one]) for other in left)}
        for one in front:
            expected[one] = rank
        left, rank = left - front, rank + 1
    assert find_ranks(points).tolist() == expected


@given(one=st.lists(ANY, min_size=3, max_size=3), other=st.lists(ANY, min_size=3, max_size=3))
def test_no_point_dominates_itself_and_no_two_each_other(one: list[float], other: list[float]) -> None:
    assert not dominates(one, one)
    assert not (dominates(one, other) and dominates(other, one))


@given(points=clouds(), data=st.data())
def test_what_is_worse_than_a_reference_comes_after_all_that_is_not(points: Points, data: st.DataObject) -> None:
    objectives = points.shape[1]
    references = data.draw(st.lists(ANY, min_size=objectives, max_size=objectives))
    beyond = (points < np.array(references)).any(axis=1)
    ranks = find_ranks(points, references)
    assert ranks[~beyond].tolist() == find_ranks(points[~beyond]).tolist()
    assert ranks[beyond].min(initial=len(points)) > ranks[~beyond].max(initial=-1)
    assert find_ranks(points, [-math.inf] * objectives).tolist() == find_ranks(points).tolist()


def test_of_what_is_worse_than_a_reference_the_less_that_lacks_comes_first() -> None:
    points = np.array([[9.0, 0.0], [0.5, 5.0], [0.9, 5.0], [0.9, 1.0], [1.0, 2.0]])
    assert find_ranks(points, [1.0, 2.0]).tolist() == [1, 2, 1, 2, 0]


def volume_by_cells(points: Points, reference: list[float]) -> float:
    """The hypervolume by its definition: the cells of the grid through all points that some point dominates."""
    above = [row for row in points.tolist() if all(a > b for a, b in zip(row, reference, strict=True))]
    edges = [sorted({low, *(row[axis] for row in above)}) for axis, low in enumerate(reference)]
    total = 0.0
    for corner in np.ndindex(*(len(edge) - 1 for edge in edges)):
        upper = [edge[place + 1] for edge, place in zip(edges, corner, strict=True)]
        if any(all(a >= b for a, b in zip(row, upper, strict=True)) for row in above):
            total += math.prod(edge[place + 1] - edge[place] for edge, place in zip(edges, corner, strict=True))
    return total


@given(points=clouds(st.integers(-1, 3).map(float), most=5))
def test_hypervolume_is_that_of_the_cells_below_some_point(points: Points) -> None:
    reference = [0.0] * points.shape[1]
    assert hypervolume(points, reference) == pytest.approx(volume_by_cells(points, reference), rel=1e-9)


@given(points=clouds(st.floats(0.1, 10), most=5))
def test_hypervolume_is_that_of_inclusion_and_exclusion(points: Points) -> None:
    expected = sum(
        (-1) ** (size + 1) * float(np.prod(points[list(chosen)].min(axis=0)))
        for size in range(1, len(points) + 1)
        for chosen in combinations(range(len(points)), size)
    )
    assert hypervolume(points, [0.0] * points.shape[1]) == pytest.approx(expected, rel=1e-6)


@given(points=clouds(), more=st.data())
def test_hypervolume_is_a_number_that_more_points_do_not_shrink(points: Points, more: st.DataObject) -> None:
    reference = more.draw(st.lists(st.floats(-1e308, 1e308), min_size=points.shape[1], max_size=points.shape[1]))
    whole, part = hypervolume(points, reference), hypervolume(points[: len(points) // 2], reference)
    # What rounding takes is large where a share of the box around all points is hardly more than a float can hold.
    assert 0 <= part <= whole * (1 + 1e-9) or whole > 0
    shares = contributions(points, reference)
    assert len(shares) == len(points)
    assert ((shares >= 0) & (shares <= 1 + 1e-9)).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-100, 1.0, 1e100, 1e300])
def test_scales_of_the_objectives_may_differ_by_six_hundred_orders_of_magnitude(scale: float) -> None:
    points = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]])
    scaled = points * [scale, 1 / scale]
    assert hypervolume(scaled, [0.0, 0.0]) == pytest.approx(6.0)
    assert find_front(scaled).all()
    assert contributions(scaled, [0.0, 0.0]) == pytest.approx([1 / 6] * 3)
    assert find_crowding(scaled).tolist() == [math.inf, 2.0, math.inf]
    third = np.column_stack([scaled, [scale] * 3])
    assert hypervolume(third, [0.0, 0.0, 0.0]) == pytest.approx(6.0 * scale)


def test_a_volume_that_no_float_holds_is_infinite() -> None:
    assert hypervolume(np.array([[LARGEST, LARGEST]]), [-LARGEST, -LARGEST]) == math.inf
    assert hypervolume(np.array([[1e300, 1e300, 1e-300]]), [0.0, 0.0, 0.0]) == pytest.approx(1e300)
    # Each point fills so little of the box around all that its share is no float.
    ends = np.array([[1e300, 1e-20, 1e-20], [1e-20, 1e300, 1e-20], [1e-20, 1e-20, 1e300]])
    assert hypervolume(ends, [0.0, 0.0, 0.0]) == pytest.approx(1e260)
    assert hypervolume(np.empty((0, 2)), [0.0, 0.0]) == 0.0
    assert hypervolume(np.array([[0.0, 5.0], [-math.inf, 9.0]]), [0.0, 0.0]) == 0.0


@given(points=clouds(st.integers(0, 4).map(float)))
def test_a_contribution_is_what_the_volume_loses(points: Points) -> None:
    points = points[find_front(points)]
    reference = [0.0] * points.shape[1]
    whole = hypervolume(points, reference)
    lost = [whole - hypervolume(np.delete(points, place, axis=0), reference) for place in range(len(points))]
    assert contributions(points, reference) * whole == pytest.approx(lost, abs=1e-9)


@given(points=clouds())
def test_equal_points_are_crowded_alike_and_an_objective_that_never_changes_does_not_count(points: Points) -> None:
    crowding = find_crowding(points)
    assert not np.isnan(crowding).any()
    for one, other in combinations(range(len(points)), 2):
        if (points[one] == points[other]).all():
            assert crowding[one] == crowding[other]
    with_constant = np.column_stack([points, np.full(len(points), 7.0)])
    assert find_crowding(with_constant).tolist() == crowding.tolist()


@given(points=clouds())
def test_the_order_goes_by_rank_then_by_crowding_then_by_place(points: Points) -> None:
    ranks = find_ranks(points)
    crowding = {
        int(place): distance
        for rank in set(ranks.tolist())
        for place, distance in zip(np.flatnonzero(ranks == rank), find_crowding(points[ranks == rank]), strict=True)
    }
    assert order(points).tolist() == sorted(
        range(len(points)), key=lambda place: (ranks[place], -crowding[place], place)
    )


@given(points=clouds(most=20), count=st.integers(1, 12))
def test_a_cover_has_the_best_of_each_objective_and_no_more_than_it_may(points: Points, count: int) -> None:
    chosen = cover(points, count)
    assert len(chosen) == min(count, len(points))
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    if len(points) and count >= points.shape[1]:
        assert (points[chosen].max(axis=0) == points.max(axis=0)).all()


@given(points=clouds(st.floats(0, 1), most=20), count=st.integers(4, 8))
def test_a_cover_is_at_most_twice_as_far_from_any_point_as_the_best_one(points: Points, count: int) -> None:
    if len(points) <= count or (np.ptp(points, axis=0) < 1e-6).any():
        return
    scaled = (points - points.min(axis=0)) / np.ptp(points, axis=0)
    chosen = cover(points, count)
    distance = np.linalg.norm(scaled[:, None] - scaled[None, chosen], axis=2).min(axis=1).max()
    # Of more points that are farther from each other than this, some two are as near to one of any choice's.
    apart = [place for place in range(len(points)) if place in chosen]
    farthest = np.linalg.norm(scaled[apart][:, None] - scaled[apart][None], axis=2)
    greedy = farthest[~np.eye(len(apart), dtype=bool)].min()
    assert distance <= greedy + 1e-9 or len({tuple(row) for row in points[points.argmax(axis=0)].tolist()}) > 1


def test_the_knee_is_farthest_above_the_line_through_the_ends() -> None:
    assert find_knee(np.array([[0.0, 1.0], [0.3, 0.9], [0.7, 0.7], [1.0, 0.0]])) == 2
    assert find_knee(np.array([[1.0, 1.0], [1.0, 1.0]])) == 0
    assert find_knee(np.array([[-math.inf, LARGEST], [LARGEST, -math.inf]])) == 0
