"""The population and its tournaments."""

from __future__ import annotations

import numpy as np
import pytest

from evonas.agents import LearnsFromRungs, create_agent
from evonas.agents.evolution import Population
from evonas.agents.policy import Observation
from evonas.agents.randomness import Purpose, uniforms

from .support import counting_space, observation


def population_of(rewards: list[float | None], capacity: int) -> Population:
    population = Population(capacity)
    for index, reward in enumerate(rewards):
        population.observe(observation(index, (index,), (True,), reward))
    return population


def winners(population: Population, entrants: int, tournaments: int = 2000) -> list[int]:
    numbers = uniforms(0, Purpose.TOURNAMENTS, 0, (tournaments, len(population)))
    return [winner.index for winner in population.tournaments(numbers, entrants)]


def test_the_oldest_leaves_however_good_it_is() -> None:
    population = population_of([9.0, 1.0, 2.0, 3.0], capacity=3)
    assert len(population) == 3
    assert set(winners(population, entrants=3)) == {3}
    assert set(winners(population, entrants=1)) == {1, 2, 3}


def test_a_pinned_result_stays_until_its_pin_is_removed() -> None:
    population = population_of([9.0, 1.0, 2.0, 3.0], capacity=2)
    population.pin([observation(index, (index,), (True,), reward) for index, reward in ((3, 3.0), (0, 9.0))])
    # Trial 3 is young enough to be there anyway, and is there once.
    assert population.kept == (0,)
    assert len(population) == 3
    assert set(winners(population, entrants=1)) == {0, 2, 3}
    assert set(winners(population, entrants=3)) == {0}
    population.pin([])
    assert set(winners(population, entrants=1)) == {2, 3}


def test_infeasible_candidates_never_become_parents() -> None:
    population = population_of([0.1, None, 0.2, None], capacity=3)
    assert set(winners(population, entrants=1)) == {0, 2}


def test_a_stopped_trial_wins_by_what_it_would_have_become() -> None:
    """Here values fall from rung to rung, as those of a loss that is measured on more and more data might."""
    population = Population(50)
    for index in range(30):
        value = float(index % 10)
        curve = ((1, value), (3, value - 20)) if index % 3 else ((1, value),)
        reward = value - 40 if index % 3 else value
        population.observe(observation(index, (index,), (True,), reward, curve, stopped=index % 3 == 0))
    best = winners(population, entrants=30, tournaments=1)[0]
    assert (best % 3 != 0, best % 10) == (True, 9)


def aside(index: int, *values: float) -> Observation:
    """Return what is observed of a trial that was put aside at a rung, for the first time or after others."""
    curve = tuple(zip((1, 3, 9), values, strict=False))
    return observation(index, (index,), (True,), values[-1], curve, stopped=True, again=len(values) > 1)


def test_a_trial_that_goes_on_after_a_pause_is_the_newest_member_and_is_there_once() -> None:
    population = Population(3)
    for index in range(3):
        population.observe(aside(index, float(index)))
    population.observe(aside(0, 0.0, 5.0))
    assert len(population) == 3
    assert set(winners(population, entrants=1)) == {0, 1, 2}
    population.observe(aside(3, 0.5))
    population.observe(aside(4, 0.5))
    assert set(winners(population, entrants=1)) == {0, 3, 4}


def test_a_trial_that_left_by_age_enters_again_when_it_goes_on_after_a_pause() -> None:
    population = Population(2)
    for index in range(3):
        population.observe(aside(index, float(index)))
    assert set(winners(population, entrants=1)) == {1, 2}
    population.observe(observation(0, (0,), (True,), 9.0, ((1, 0.0),), again=True))
    assert set(winners(population, entrants=1)) == {0, 2}


def test_a_member_that_proves_infeasible_after_a_pause_leaves() -> None:
    population = Population(2)
    for index in range(2):
        population.observe(aside(index, float(index)))
    population.observe(observation(1, (1,), (True,), None, ((1, 1.0),), again=True))
    assert set(winners(population, entrants=1)) == {0}


@pytest.mark.parametrize("type", ["Evolution", "EvoNAS"])
def test_a_population_that_lost_its_last_member_is_no_trouble(type: str) -> None:
    agent = create_agent(type, counting_space(4), 0, {"warmup": 2, "evolution": {"population": 1}})
    assert isinstance(agent, LearnsFromRungs)
    for _ in range(3):
        index = agent.propose().index
        agent.observe_rung(index, 1, 0.5)
        agent.pause(index)
    assert agent.propose().origin == "mutation"
    agent.observe(2, None)
    assert agent.propose().origin == "random"


@pytest.mark.parametrize("entrants", [1, 2, 3, 5])
def test_a_tournament_is_a_draw_without_replacement(entrants: int) -> None:
    """The best of S out of N wins with chance S / N, the second best wins the rest of its draws, and so on."""
    population = population_of([0.0, -1.0, -2.0, -3.0, -4.0], capacity=5)
    counts = np.bincount(winners(population, entrants), minlength=5) / 2000
    expected, left = [], 1.0
    for better in range(5):
        share = left * min(1.0, entrants / (5 - better))
        expected.append(share)
        left -= share
    assert counts == pytest.approx(expected, abs=0.04)


def test_more_entrants_than_members_are_all_of_them() -> None:
    assert set(winners(population_of([1.0, 3.0, 2.0], capacity=9), entrants=16)) == {1}


def test_equal_rewards_win_alike_whatever_their_age() -> None:
    counts = np.bincount(winners(population_of([1.0] * 4, capacity=4), entrants=4), minlength=4) / 2000
    assert counts == pytest.approx([0.25] * 4, abs=0.04)
