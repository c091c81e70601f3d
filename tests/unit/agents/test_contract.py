"""What callers of every agent may rely on."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.agents import create_agent
from evonas.space import SearchSpace

from .support import AGENT_TYPES, CONDITIONAL, VARIANTS, History, counting_space, play, spaces

EVERY_VARIANT = pytest.mark.parametrize(("type", "config"), VARIANTS)


@EVERY_VARIANT
def test_proposals_are_a_function_of_seed_and_history(type: str, config: dict[str, Any]) -> None:
    space = counting_space(6)
    first = play(create_agent(type, space, 1, config), 40)
    assert play(create_agent(type, space, 1, config), 40) == first
    other = play(create_agent(type, space, 2, config), 40)
    assert sum(a.decisions == b.decisions for a, b in zip(first, other, strict=True)) < 5


@EVERY_VARIANT
def test_rewards_matter_to_every_agent_but_random(type: str, config: dict[str, Any]) -> None:
    candidates = []
    for sign in (1, -1):
        agent = create_agent(type, counting_space(6), 1, config)
        proposals = []
        for _ in range(30):
            proposal = agent.propose()
            agent.observe(proposal.index, sign * sum(map(float, proposal.decisions.values())))
            proposals.append(proposal.decisions)
        candidates.append(proposals)
    assert candidates[0][:10] == candidates[1][:10]
    assert (candidates[0] == candidates[1]) == (type == "Random")


@EVERY_VARIANT
@given(spaces(), st.randoms(use_true_random=False))
@settings(max_examples=6, deadline=None)
def test_proposals_tell_how_they_came_about(
    type: str, config: dict[str, Any], space: SearchSpace, dice: random.Random
) -> None:
    history = History(create_agent(type, space, 3, {**config, "warmup": 4}))
    for _ in range(min(25, space.size)):
        seen = len(history.outcomes)
        proposal = history.propose()
        space.to_choices(proposal.decisions)
        assert proposal.index == len(history.proposals) - 1
        assert proposal.observed_up_to == seen
        assert set(proposal.mutated) <= set(proposal.decisions)
        if proposal.origin == "mutation":
            assert type in ("Evolution", "EvoNAS")
            assert proposal.parent is not None
            assert proposal.mutated
            parent = history.proposals[proposal.parent].decisions
            copied = set(proposal.decisions) - set(proposal.mutated)
            assert all(proposal.decisions[name] == parent[name] for name in copied)
            assert history.outcomes[proposal.parent][1] is not None
        else:
            assert proposal.parent is None
            assert proposal.mutated == (tuple(proposal.decisions) if proposal.origin == "policy" else ())
        if dice.random() < 0.8:
            history.observe(proposal.index, dice.choice([None, 0.0, -2.5, dice.random()]))


@EVERY_VARIANT
def test_the_first_proposals_are_random_and_later_ones_are_not(type: str, config: dict[str, Any]) -> None:
    origins = [proposal.origin for proposal in play(create_agent(type, counting_space(8), 0, config), 30)]
    later = {"Random": "random", "Evolution": "mutation", "Neural": "policy", "EvoNAS": "mutation"}[type]
    assert origins == ["random"] * 10 + [later] * 20


@EVERY_VARIANT
def test_proposals_stay_random_until_there_are_two_results(type: str, config: dict[str, Any]) -> None:
    agent = create_agent(type, counting_space(8), 0, {**config, "warmup": 2})
    origins = []
    for reward in (None, None, 0.5, None, 0.1, None):
        proposal = agent.propose()
        origins.append(proposal.origin)
        agent.observe(proposal.index, reward)
    assert origins[:5] == ["random"] * 5
    assert (origins[5] == "random") == (type == "Random")


@EVERY_VARIANT
def test_any_number_may_be_pending(type: str, config: dict[str, Any]) -> None:
    agent = create_agent(type, counting_space(6), 0, config)
    proposals = [agent.propose() for _ in range(40)]
    for proposal in reversed(proposals):
        agent.observe(proposal.index, 0.25 * proposal.index)
    assert agent.propose().observed_up_to == 40


@pytest.mark.parametrize("type", AGENT_TYPES)
def test_wrong_calls_are_refused_and_change_nothing(type: str) -> None:
    agent, twin = (create_agent(type, counting_space(5), 0, {"warmup": 2}) for _ in range(2))
    for each in (agent, twin):
        for reward in (0.1, 0.2, 0.3):
            each.observe(each.propose().index, reward)
        each.propose()
        each.abandon(each.propose().index)
    for index, problem in [
        (0, "already observed"),
        (4, "already observed or abandoned"),
        (5, "unknown"),
        (-1, "unknown"),
    ]:
        with pytest.raises(ValueError, match=problem):
            agent.observe(index, 0.5)
        with pytest.raises(ValueError, match=problem):
            agent.abandon(index)
    for reward in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match="proposal 3 must be a finite number"):
            agent.observe(3, reward)
    for each in (agent, twin):
        each.observe(3, 0.5)
    assert agent.propose() == twin.propose()


@pytest.mark.parametrize("type", AGENT_TYPES)
def test_entropy_is_a_share_of_the_uniform_one(type: str) -> None:
    agent = create_agent(type, CONDITIONAL)
    if type in ("Random", "Evolution"):
        assert agent.entropy is None
        return
    assert agent.entropy == 1.0
    for number in range(20):
        agent.observe(agent.propose().index, number % 5)
    assert agent.entropy is not None
    assert 0 < agent.entropy < 1


def test_pytorch_is_imported_only_for_agents_that_learn() -> None:
    program = """
import sys
from evonas.agents import create_agent
from evonas.space import SearchSpace
for type in ("Random", "Evolution", "EvoNAS"):
    agent = create_agent(type, SearchSpace.parse([{"name": "a", "values": list(range(50))}]))
    for number in range(20):
        agent.observe(agent.propose().index, number)
    print(type, "torch" in sys.modules)
"""
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert output.splitlines() == ["Random False", "Evolution False", "EvoNAS True"]


@pytest.mark.parametrize(
    ("type", "expected"),
    [
        ("Random", [[1, 4, 3, 1], [1, 3, 2, 2], [3, 3, 4, 1], [3, 3, 1, 1]]),
        ("Evolution", [[1, 4, 2, 1], [3, 1, 2, 3], [1, 3, 4, 3], [3, 3, 2, 3]]),
    ],
)
def test_recorded_searches_can_be_continued_by_later_releases(type: str, expected: list[list[int]]) -> None:
    """A change here breaks the promise of ``restore`` for every search that runs during an upgrade."""
    proposals = play(create_agent(type, counting_space(4), seed=1234), 40)
    assert [list(proposal.decisions.values()) for proposal in proposals[-4:]] == expected
