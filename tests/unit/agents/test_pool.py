"""The search for the best that the critic can imagine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evonas.agents.critic.critic import Critic
from evonas.agents.critic.pool import MOST_CHILDREN, Pool
from evonas.agents.history import History, Pending
from evonas.agents.neighbours import Changes, Neighbourhood
from evonas.agents.sources import DRAFTS, Drawing
from evonas.space import Choices, SearchSpace
from tests.tier import examples

from .support import CONDITIONAL, counting, counting_space, observation, spaces


def alone(choices: Choices, drawn: tuple[bool, ...] | None = None) -> Drawing:
    """Return a candidate of which ``drawn`` was drawn, at even odds, and the rest copied."""
    rows = np.array([choices]), np.array([drawn or (False,) * len(choices)])
    return Drawing(*rows, np.where(rows[1], 0.5, 0.0))


def numbers(space: SearchSpace, seed: int = 0) -> tuple[NDArray[np.float64], Callable[[int], NDArray[np.float64]]]:
    draw = np.random.default_rng(seed)
    return draw.random(len(space)), draw.random


def changes_of(space: SearchSpace, parent: Drawing) -> Changes:
    return Neighbourhood(space).changes(parent)[0]


def critic_of(space: SearchSpace, candidates: list[Choices], rewards: list[float]) -> Critic:
    critic = Critic(space)
    for index, (choices, reward) in enumerate(zip(candidates, rewards, strict=True)):
        critic.observe(observation(index, choices, (True,) * len(space), reward))
    return critic


def some(space: SearchSpace, count: int, seed: int = 0) -> list[Choices]:
    return [space.unrank(rank) for rank in np.random.default_rng(seed).integers(space.size, size=count).tolist()]


def everything(pool: Pool) -> list[Choices]:
    return [pool._choices(row) for row in range(len(pool))]


@given(spaces(max_size=500), st.integers(0, 2**32 - 1))
@settings(max_examples=examples(50))
def test_every_single_change_makes_a_candidate_with_what_then_exists(space: SearchSpace, seed: int) -> None:
    (choices,) = some(space, 1, seed)
    valid = {space.unrank(rank) for rank in range(space.size)}
    changes = changes_of(space, alone(choices))
    values = [len(decision.values) for decision, choice in zip(space.decisions, choices, strict=True) if choice >= 0]
    assert len(changes) == sum(values) - len(values)
    children = Neighbourhood(space).completed(changes, numbers(space, seed)[0])
    for row, (position, value) in enumerate(zip(changes.positions.tolist(), changes.values.tolist(), strict=True)):
        child = children.candidate(row)
        assert child in valid
        assert child[position] == value != choices[position]
        assert children.drawn[row, position]
        # Whatever differs but exists in both was changed on purpose: only one decision was.
        kept = [place for place, pair in enumerate(zip(child, choices, strict=True)) if min(pair) >= 0]
        assert [place for place in kept if child[place] != choices[place]] == [position]
        # What a decision has to exist for was drawn; nothing else was.
        new = [place for place in range(len(space)) if child[place] >= 0 > choices[place]]
        assert np.flatnonzero(children.drawn[row]).tolist() == sorted([position, *new])


def test_children_inherit_what_their_parent_drew_as_drawn() -> None:
    parent = alone((1, 2, 0), (True, False, True))
    changes = changes_of(counting_space(3), parent)
    children = changes.take(np.arange(len(changes)))
    assert children.choices[:3].tolist() == [[2, 2, 0], [0, 2, 0], [1, 0, 0]]
    assert children.drawn[:3].tolist() == [[True, False, True], [True, False, True], [True, True, True]]
    assert children.gains[:3].tolist() == [[0, 0, 0.5], [0, 0, 0.5], [0.5, 0, 0.5]]
    assert changes.candidate(2) == (1, 0, 0)


def test_what_no_longer_exists_was_not_drawn() -> None:
    # With four blocks there is a kernel, and with one larger than 3 it may be wide.
    parent = alone((2, 0, 1, 0, 0, -1), (False, False, True, True, False, False))
    changes = changes_of(CONDITIONAL, parent)
    fewer = changes.among((changes.positions == 0) & (changes.values == 0))
    child = Neighbourhood(CONDITIONAL).completed(fewer, np.zeros(6))
    assert child.choices.tolist() == [[0, 0, -1, -1, 0, -1]]
    assert child.drawn.tolist() == [[True] + [False] * 5]
    assert child.gains.tolist() == [[0] * 6]


def test_the_best_candidate_without_children_has_them_next() -> None:
    space = counting_space(5)
    known = some(space, 60)
    judgement = critic_of(space, known, [counting(space.to_candidate(each)) for each in known]).judge([])
    pool = Pool(Neighbourhood(space), judgement)
    pool.add(Drawing(np.array(known[:8]), np.zeros((8, 5), bool), np.zeros((8, 5))), np.arange(8))
    had: set[Choices] = set()
    for seed in range(6):
        before = everything(pool)
        means = judgement.expect(np.array(before)).tolist()
        # What was expected of a change is a little less exact; among equals the oldest is next.
        childless = [(round(means[row], 3), -row) for row, choices in enumerate(before) if choices not in had]
        best = -max(childless)[1]
        assert pool.breed(*numbers(space, seed))
        children = everything(pool)[len(before) :]
        assert len(set(children)) == 5 * 4
        assert all(sum(a != b for a, b in zip(child, before[best], strict=True)) == 1 for child in children)
        had.add(before[best])


def test_in_a_small_space_breeding_ends_when_all_have_bred() -> None:
    space = SearchSpace.parse([{"name": "a", "values": [1, 2]}, {"name": "b", "values": ["x"]}])
    pool = Pool(Neighbourhood(space), critic_of(space, [(0, 0)], [1.0]).judge([]))
    pool.add(alone((0, 0)), np.array([0]))
    assert [pool.breed(*numbers(space, seed)) for seed in range(3)] == [True, True, False]


def test_of_too_many_children_some_are_drawn() -> None:
    space = SearchSpace.parse([{"name": f"d{k}", "values": list(range(400))} for k in range(4)])
    known = some(space, 20)
    pool = Pool(Neighbourhood(space), critic_of(space, known, [float(each[0]) for each in known]).judge([]))
    pool.add(alone(known[0]), np.array([0]))
    assert pool.breed(*numbers(space))
    assert len(pool) == 1 + MOST_CHILDREN
    assert {choices[1] for choices in everything(pool)} > {known[0][1]}


def test_finalists_are_distinct_and_lead_to_their_evaluated_parents() -> None:
    known = some(CONDITIONAL, 12, seed=3)
    history = History()
    for index, choices in enumerate(dict.fromkeys(known)):
        history.add(Pending(index, choices, (True,) * len(CONDITIONAL)))
    pool = Pool(
        Neighbourhood(CONDITIONAL), critic_of(CONDITIONAL, known, [float(sum(each)) for each in known]).judge([])
    )
    drawing = Drawing(np.array(known[:2]), np.zeros((2, 6), bool), np.zeros((2, 6)))
    pool.add(drawing, np.array([7, 9]))
    while pool.breed(*numbers(CONDITIONAL)):
        pass
    finalists, parents = pool.finalists(history)
    found = [finalists.candidate(row) for row in range(len(finalists))]
    assert len(set(found)) == len(found) == CONDITIONAL.size
    assert set(parents.tolist()) <= {7, 9}
    first = np.argmax(pool._means[:2])
    assert parents[found.index(known[int(first)])] == [7, 9][int(first)]
    assert any(choices not in history for choices in found)


def test_candidates_that_were_proposed_before_do_not_crowd_out_new_ones() -> None:
    space = counting_space(4)
    known = [space.unrank(rank) for rank in range(250)]
    history = History()
    for index, choices in enumerate(known):
        history.add(Pending(index, choices, (True,) * 4))
    pool = Pool(
        Neighbourhood(space), critic_of(space, known[:100], [float(each[0] == 0) for each in known[:100]]).judge([])
    )
    pool.add(alone(known[0]), np.array([0]))
    for seed in range(40):
        pool.breed(*numbers(space, seed))
    finalists, _ = pool.finalists(history)
    new = [row for row in range(len(finalists)) if finalists.candidate(row) not in history]
    assert new
    assert len(new) <= DRAFTS
