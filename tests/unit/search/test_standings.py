"""The order of results at a rung, of one objective and of several."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from itertools import product
from types import FrameType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.domination import dominates
from evonas.errors import EvonasError
from evonas.fidelity import Fidelity, Rule
from evonas.search.promotion import decide, decide_to_promote, needed, needed_to_promote, places_of
from evonas.search.standings import ByDomination, ByValue, Point, Standings, point_of
from evonas.search.trial import RungResult
from tests.unit.search.support import search_spec, trial

RULES = [Fidelity((1, 3, 9), 3, rule) for rule in (Rule.SUCCESSIVE_HALVING, Rule.MEDIAN)]
DIVERGED: Point = (-math.inf, -math.inf)

values = st.sampled_from([-1e300, -2.0, 0.0, 0.5, 0.5000001, 1.0, 3e-300, 7.0])
points = st.tuples(values, values) | st.just(DIVERGED)
many = st.lists(points, min_size=1, max_size=25)
rules = st.sampled_from(RULES)


def standings_of(results: Sequence[Point], kind: Callable[[], Standings] = lambda: ByDomination(2)) -> Standings:
    there = kind()
    for point in results:
        there.add(point)
    return there


def told(there: Standings, results: Sequence[Point]) -> list[object]:
    """Return all that the standings say of each of their results."""
    said: list[object] = [(there.merit(point), there.count_better(point)) for point in sorted(results)]
    for fidelity, point in product(RULES, sorted(results)):
        said += [
            there.decide(fidelity, point),
            there.decide_to_promote(fidelity, point),
            point in there.going_on(fidelity),
        ]
    return said


@given(many)
def test_result_that_dominates_another_comes_before_it(results: list[Point]) -> None:
    there = standings_of(results)
    for one, other in product(results, results):
        if dominates(one, other):
            assert there.merit(one) > there.merit(other)
            assert there.count_better(one) < there.count_better(other)
        if one == other:
            assert there.merit(one) == there.merit(other)


@given(many)
def test_place_is_one_more_than_the_number_of_those_with_more_merit(results: list[Point]) -> None:
    there = standings_of(results)
    assert len(there) == len(results)
    for point in results:
        better = sum(there.merit(other) > there.merit(point) for other in results)
        assert there.count_better(point) == better
        for fidelity in RULES:
            places = places_of(fidelity, len(results))
            assert (point in there.best(places)) == (better < places and point != DIVERGED)


@given(many, st.data())
def test_what_the_standings_say_does_not_depend_on_the_order_of_the_results(
    results: list[Point], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(results))
    assert told(standings_of(shuffled), results) == told(standings_of(results), results)


@given(many, st.lists(points, max_size=10), st.data())
def test_result_that_is_removed_leaves_no_trace(results: list[Point], others: list[Point], data: st.DataObject) -> None:
    there = standings_of(results)
    before = told(there, results)
    more = there.copy()
    for point in others:
        more.add(point)
        told(more, results)
    assert told(there, results) == before
    for point in data.draw(st.permutations(others)):
        more.remove(point)
    assert told(more, results) == before


@given(many, rules)
def test_diverged_candidate_is_last_and_never_goes_on(results: list[Point], fidelity: Fidelity) -> None:
    there = standings_of([*results, DIVERGED])
    assert there.decide(fidelity, DIVERGED).because.startswith(f"is {len(there)}")
    assert DIVERGED not in there.going_on(fidelity)
    if len(there) >= fidelity.factor:
        assert there.decide(fidelity, DIVERGED).stops
    for point in results:
        if point != DIVERGED:
            assert there.merit(point) > there.merit(DIVERGED)


@given(st.lists(values, min_size=1, max_size=25), rules)
def test_objective_that_never_changes_changes_nothing(column: list[float], fidelity: Fidelity) -> None:
    one, two = standings_of([(value,) for value in column], ByValue), standings_of([(value, 4.0) for value in column])
    for value in column:
        assert two.count_better((value, 4.0)) == one.count_better((value,))
        assert two.decide(fidelity, (value, 4.0)) == one.decide(fidelity, (value,))
        assert ((value, 4.0) in two.going_on(fidelity)) == ((value,) in one.going_on(fidelity))


@given(many, st.sampled_from([1e-300, 1e-9, 1.0, 1024.0, 1e280]), rules)
def test_scale_of_an_objective_does_not_matter(results: list[Point], scale: float, fidelity: Fidelity) -> None:
    small = [
        (one, math.copysign(min(abs(other), 8.0), other) if other > -math.inf else other) for one, other in results
    ]
    scaled = [(one, other * scale) for one, other in small]
    # Where a float still tells them apart.
    if len({other for _, other in small}) == len({other for _, other in scaled}):
        there, other = standings_of(small), standings_of(scaled)
        assert [there.merit(point)[0] for point in small] == [other.merit(point)[0] for point in scaled]


@given(st.lists(values | st.just(-math.inf), max_size=25), values | st.just(-math.inf), rules)
def test_single_objective_is_judged_by_its_values_alone(earlier: list[float], value: float, fidelity: Fidelity) -> None:
    ascending = sorted([*earlier, value])
    there = standings_of([(each,) for each in earlier], ByValue)
    assert there.needed(fidelity) == needed(fidelity, sorted(earlier))
    there.add((value,))
    assert there.decide(fidelity, (value,)) == decide(fidelity, sorted(earlier), value)
    assert there.decide_to_promote(fidelity, (value,)) == decide_to_promote(fidelity, ascending, value)
    least = needed_to_promote(fidelity, ascending)
    assert there.needed_to_promote(fidelity) == least
    assert ((value,) in there.going_on(fidelity)) == (least is not None and value >= least)
    if value > -math.inf:
        assert ((value,) in there.going_on(fidelity)) != decide_to_promote(fidelity, ascending, value).stops


def test_among_peers_the_lonelier_come_first_and_at_the_ends_the_better_on_the_whole() -> None:
    ordered = [(0.0, 10.0), (10.0, 0.0), (4.0, 4.0), (1.5, 8.5), (1.0, 9.0)]
    there = standings_of([*reversed(ordered), (3.0, 3.0)])
    assert sorted(ordered, key=there.merit, reverse=True) == ordered
    assert [there.count_better(point) for point in [(0.0, 10.0), (10.0, 0.0), (4.0, 4.0), (3.0, 3.0)]] == [0, 0, 2, 5]
    assert there.decide(RULES[0], (4.0, 4.0)).because == "is 3rd of 6, and the best 2 go on"
    # The worst in two objectives and the best in none.
    three = [(9.0, 0.0, 0.0), (0.0, 9.0, 1.0), (1.0, 1.0, 9.0), (8.0, 8.0, 8.0), (8.5, 2.0, 0.5)]
    ends = standings_of(three, lambda: ByDomination(3))
    assert ends.count_better((9.0, 0.0, 0.0)) > ends.count_better((1.0, 1.0, 9.0))


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_one_of_every_factor_goes_on_however_many_objectives_there_are(objectives: int) -> None:
    dice = np.random.default_rng(objectives)
    for count in (9, 27, 81):
        results = [tuple(row) for row in dice.normal(size=(count, objectives)).tolist()]
        there = standings_of(results, lambda: ByDomination(objectives))
        going_on = sum(point in there.going_on(RULES[0]) for point in results)
        assert count // 3 <= going_on <= count // 3 + 1


def calls_of(action: Callable[[], object]) -> int:
    """Return how many functions are called, of Python and of C: what does not depend on the machine."""
    count = 0

    def see(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("peers_of_the_next", [0, 5_000])
def test_result_among_ten_thousand_at_its_rung_costs_a_few_passes_and_the_order_of_its_peers(
    peers_of_the_next: int,
) -> None:
    dice = np.random.default_rng(1)
    across = np.sort(dice.random(10_000))
    front = [*zip(across.tolist(), (1 - across).tolist(), strict=True)]
    cloud = [(x, y) for x, y in dice.random((10_000, 2)).tolist()]
    results = front if peers_of_the_next else cloud
    new: Point = (front[5_000][0], 1.0) if peers_of_the_next else (2.0, 2.0)

    def come(there: Standings) -> Callable[[], object]:
        def one() -> None:
            there.add(new)
            there.decide(RULES[0], new)

        return one

    few, full = standings_of(results[:10]).copy(), standings_of(results).copy()
    assert calls_of(come(full)) <= calls_of(come(few)) + 10 * peers_of_the_next


def test_totals_of_ten_thousand_results_that_are_not_asked_compare_none() -> None:
    results = [tuple(row) for row in np.random.default_rng(1).random((10_000, 2)).tolist()]
    there = standings_of(results).copy()

    def add() -> None:
        more = there.copy()
        for point in results[:100]:
            more.add(point)
        len(more)

    assert calls_of(add) <= 10 * 100


def test_ten_thousand_paused_trials_at_a_rung_are_looked_up_and_not_compared() -> None:
    results = [tuple(row) for row in np.random.default_rng(1).random((10_000, 2)).tolist()]
    there = standings_of(results)
    best = there.going_on(RULES[0])
    going_on = [point for point in results if point in best]
    assert len(going_on) == len(results) // 3
    first = calls_of(lambda: [there.merit(point) for point in going_on])
    again = calls_of(lambda: [there.merit(point) for point in going_on])
    assert calls_of(lambda: there.going_on(RULES[0])) <= 20
    assert again <= 10 * len(going_on) < first


@pytest.mark.parametrize("others", [(), (4.0, 5.0)])
def test_record_that_has_not_a_value_of_each_objective_is_refused(others: tuple[float, ...]) -> None:
    declared = [{"metric": "accuracy"}, {"metric": "latency_ms", "goal": "Minimize"}]
    objectives = search_spec(objectives=declared).objectives
    assert point_of(objectives, trial(7), RungResult(1, 0.5, 1, others=(4.0,))) == (0.5, -4.0)
    assert point_of(objectives, trial(7), RungResult(1, None, 1)) == DIVERGED
    with pytest.raises(EvonasError, match=r"trial 7: status\.rungs: .* has [13] values?, .* 2 objectives; restore"):
        point_of(objectives, trial(7), RungResult(1, 0.5, 1, others=others))
