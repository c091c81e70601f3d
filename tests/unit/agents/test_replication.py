"""What rewards of candidates that were trained more than once say of them."""

from __future__ import annotations

import random
from statistics import fmean, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.agents import Replications

REWARDS = st.lists(st.tuples(st.integers(0, 9), st.floats(-100, 100)), max_size=60)


def of(rewards: list[tuple[int, float]]) -> Replications[int]:
    known = Replications[int]()
    for candidate, reward in rewards:
        known.add(candidate, reward)
    return known


@given(rewards=REWARDS, dice=st.randoms(use_true_random=False))
def test_the_order_in_which_rewards_came_changes_nothing(rewards: list[tuple[int, float]], dice: random.Random) -> None:
    mixed = [*rewards]
    dice.shuffle(mixed)
    one, other = of(rewards), of(mixed)
    assert one.leaders() == other.leaders()
    assert (one.noise, one.is_exact, one.repeats) == (other.noise, other.is_exact, other.repeats)


@given(rewards=REWARDS)
def test_a_copy_goes_its_own_way(rewards: list[tuple[int, float]]) -> None:
    known = of(rewards)
    before = known.leaders()
    more = known.copy()
    more.add(0, 1000.0)
    more.add(0, 1001.0)
    more.refuse(3)
    assert known.leaders() == before


def test_the_noise_is_the_pooled_variance_of_repeats() -> None:
    known = of([(0, 1.0), (0, 3.0), (1, 7.0), (2, 4.0), (2, 5.0), (2, 9.0)])
    assert known.noise == pytest.approx((variance([1, 3]) + 2 * variance([4, 5, 9])) / 3)


def test_a_single_reward_is_believed_less_than_the_mean_of_many() -> None:
    many = [(0, 0.90), (0, 0.92), (0, 0.94), (0, 0.92)]
    others = [(candidate, 0.7 + 0.01 * candidate) for candidate in range(1, 20)]
    lucky = (20, 0.93)
    leaders = {belief.candidate: belief for belief in of([*many, *others, lucky]).leaders()}
    assert max(leaders.values(), key=lambda belief: belief.mean).candidate == 20
    assert leaders[20].deviation > leaders[0].deviation
    assert leaders[20].mean - leaders[20].expected > leaders[0].mean - leaders[0].expected
    assert leaders[0].mean == pytest.approx(fmean(reward for _, reward in many))


def test_nothing_is_believed_before_the_noise_is_known() -> None:
    once = [(candidate, float(candidate)) for candidate in range(9)]
    assert of(once).leaders() == []
    assert not of(once).is_exact
    assert of([*once, (1, 1.0), (2, 2.0), (3, 3.0)]).is_exact
    assert of([*once, (1, 1.0), (2, 2.0), (3, 3.0)]).leaders() == []


@pytest.mark.parametrize("size", [1e308, -1e308, 1e155, 1e-308])
def test_rewards_beyond_what_can_be_squared_are_taken_without_beliefs(size: float) -> None:
    known = of([(candidate, size) for candidate in range(6)] + [(1, size / 2), (2, size / 3)])
    assert all(abs(belief.expected) < 1e-300 for belief in known.leaders())


def test_a_candidate_that_turned_out_infeasible_is_no_leader() -> None:
    known = of([(0, 9.0), (0, 9.5), (1, 5.0), (2, 4.0), (3, 3.0)])
    assert known.leaders()[0].candidate == 0
    known.refuse(0)
    assert 0 not in {belief.candidate for belief in known.leaders()}
    assert known.best_once(()) == 1


def test_repeats_under_way_count_as_if_they_had_ended() -> None:
    known = of([(0, 9.0), (0, 9.5), (1, 9.0), (2, 4.0), (3, 3.0)])
    now = {belief.candidate: belief for belief in known.leaders()}
    soon = {belief.candidate: belief for belief in known.leaders({1: 2})}
    assert soon[1].expected == now[1].expected
    assert soon[1].deviation < now[1].deviation
    assert soon[0] == now[0]
