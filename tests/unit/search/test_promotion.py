"""Rules at rungs: who goes on."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.fidelity import Fidelity, Rule
from evonas.search.promotion import decide, needed

HALVING = Fidelity((1, 3, 9), 3, Rule.SUCCESSIVE_HALVING)
MEDIAN = Fidelity((1, 3, 9), 3, Rule.MEDIAN)

values = st.floats(-10, 10) | st.just(-math.inf)
standings = st.lists(values, max_size=40).map(sorted)


@given(standings, values)
def test_halving_lets_one_of_every_factor_go_on(earlier: list[float], value: float) -> None:
    decision = decide(HALVING, earlier, value)
    count = len(earlier) + 1
    better = sum(other > value for other in earlier)
    assert decision.stops == (count >= 3 and (better >= count // 3 or value == -math.inf))


@given(standings, values)
def test_median_stops_what_is_worse_than_the_middle(earlier: list[float], value: float) -> None:
    decision = decide(MEDIAN, earlier, value)
    everyone = sorted([*earlier, value])
    worse = value < everyone[(len(everyone) - 1) // 2] or value == -math.inf
    assert decision.stops == (len(everyone) >= 3 and worse)


@given(standings, values, st.sampled_from([HALVING, MEDIAN]))
def test_better_value_is_never_stopped_where_a_worse_one_goes_on(
    earlier: list[float], value: float, fidelity: Fidelity
) -> None:
    if not decide(fidelity, earlier, value).stops:
        assert not decide(fidelity, earlier, value + 1).stops


@given(standings, values, st.sampled_from([HALVING, MEDIAN, Fidelity((1, 3, 9), 2, Rule.MEDIAN)]))
def test_what_is_needed_to_go_on_is_what_decides(earlier: list[float], value: float, fidelity: Fidelity) -> None:
    least = needed(fidelity, earlier)
    if value > -math.inf:
        assert decide(fidelity, earlier, value).stops == (least is not None and value < least)


@pytest.mark.parametrize("fidelity", [HALVING, MEDIAN])
def test_equal_values_all_go_on(fidelity: Fidelity) -> None:
    assert not decide(fidelity, [0.5] * 20, 0.5).stops


def test_rule_none_stops_nothing() -> None:
    assert not decide(Fidelity((1, 9), 3, Rule.NONE), [1.0] * 20, -math.inf).stops


def test_decision_says_the_place_in_words() -> None:
    assert (
        decide(HALVING, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], 0.15).because == "is 8th of 9, and the best 3 go on"
    )
    assert decide(HALVING, [0.1, 0.2], 0.15).because == "is 2nd of 3, and only the best goes on"
    assert decide(HALVING, [0.1], 0.2).because == "is 1st of 2"
    assert decide(MEDIAN, [0.1, 0.3], 0.2).because == "is 2nd of 3, and the best 2 go on"
