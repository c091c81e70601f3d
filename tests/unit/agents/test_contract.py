"""The contract that ships with the package, held against every agent of ours; and what only ours promise."""

from __future__ import annotations

import random
import subprocess
import sys
from itertools import product
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.agents import Agent, LearnsFromRungs, check_agent, create_agent
from evonas.agents.testing import AgentContract
from evonas.domination import hypervolume
from evonas.errors import InvalidManifest
from evonas.space import SearchSpace
from tests.tier import examples

from .support import AGENT_TYPES, CONDITIONAL, VARIANTS, History, counting_space, play, spaces

EVERY_VARIANT = pytest.mark.parametrize(("type", "config"), VARIANTS)


class BuiltIn(AgentContract):
    """Small populations and a short warm-up: what comes after it is what may go wrong."""

    type: ClassVar[str]
    config: ClassVar[dict[str, Any]] = {}
    examples = examples(4)

    def create(self, space: SearchSpace, seed: int) -> Agent:
        config = {"warmup": 5, "evolution": {"population": 8, "tournament": 3}, **self.config}
        return create_agent(self.type, space, seed, config, objectives=self.objectives)


class TestRandom(BuiltIn):
    type = "Random"
    examples = examples(15)


class TestEvolution(BuiltIn):
    type = "Evolution"
    examples = examples(15)


class TestNeural(BuiltIn):
    type = "Neural"


class TestNeuralWithReinforce(BuiltIn):
    type = "Neural"
    config: ClassVar = {"policy": {"training": "REINFORCE"}}


class TestEvoNAS(BuiltIn):
    type = "EvoNAS"


class TestEvoNASWithoutCritic(BuiltIn):
    type = "EvoNAS"
    config: ClassVar = {"critic": {"model": "None"}}


class TestEvoNASWithoutTraining(BuiltIn):
    type = "EvoNAS"
    config: ClassVar = {"policy": {"training": "None"}}


class TestEvoNASWithReinforce(BuiltIn):
    type = "EvoNAS"
    config: ClassVar = {"policy": {"training": "REINFORCE"}}


class Several(BuiltIn):
    examples = examples(2)
    objectives = 2


class TestRandomForSeveral(Several):
    type = "Random"


class TestEvolutionForSeveral(Several):
    type = "Evolution"


class TestEvolutionForFour(Several):
    type = "Evolution"
    objectives = 4


class TestNeuralForSeveral(Several):
    type = "Neural"


class TestEvoNASForSeveral(Several):
    type = "EvoNAS"


class TestEvoNASForThree(Several):
    type = "EvoNAS"
    objectives = 3


class TestEvoNASForSeveralWithoutCritic(Several):
    type = "EvoNAS"
    config: ClassVar = {"critic": {"model": "None"}}


@pytest.mark.parametrize(
    ("type", "config", "field"),
    [
        ("Optuna", {"sampler": "CMAES"}, "spec.agent.sampler"),
        ("Neural", {"policy": {"training": "REINFORCE"}}, "spec.agent.policy.training"),
        ("EvoNAS", {"policy": {"training": "REINFORCE"}}, "spec.agent.policy.training"),
    ],
)
def test_what_has_one_objective_is_refused_several(type: str, config: dict[str, Any], field: str) -> None:
    """Before anything is loaded, with the cure."""
    check_agent(type, config)
    with pytest.raises(InvalidManifest, match=rf"^{field}: .*spec.objectives lists several: choose \w+"):
        check_agent(type, config, objectives=2)


@pytest.mark.parametrize("type", ["Evolution", "EvoNAS"])
def test_several_objectives_are_all_climbed(type: str) -> None:
    """Half as much again of the hypervolume is missing of random search's front as of theirs."""
    space = counting_space(6)

    def missing(type: str) -> float:
        found = []
        for seed in range(3):
            agent = create_agent(type, space, seed, objectives=2)
            points = []
            for _ in range(100):
                proposal = agent.propose()
                values = [float(value) for value in proposal.decisions.values()]
                points.append((sum(values[:4]), -sum(value * value for value in values)))
                agent.observe(proposal.index, points[-1])
            found.append(hypervolume(np.array(points), [0.0, -220.0]))
        best = [(sum(split), -sum(value * value for value in split) - 2) for split in product(range(1, 7), repeat=4)]
        return hypervolume(np.array(best, float), [0.0, -220.0]) - sum(found) / len(found)

    assert missing(type) < missing("Random") / 1.5


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
@settings(max_examples=examples(6))
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
        elif proposal.origin == "repeat":
            assert type == "EvoNAS"
            assert proposal.parent is not None
            assert proposal.decisions == history.proposals[proposal.parent].decisions
            assert proposal.mutated == ()
        else:
            assert proposal.parent is None
            assert proposal.mutated == (tuple(proposal.decisions) if proposal.origin == "policy" else ())
        if dice.random() < 0.8:
            history.observe(proposal.index, dice.choice([None, 0.0, -2.5, dice.random()]))


@EVERY_VARIANT
def test_the_first_proposals_are_random_and_later_ones_are_not(type: str, config: dict[str, Any]) -> None:
    origins = [proposal.origin for proposal in play(create_agent(type, counting_space(8), 0, config), 30)]
    later = {"Random": "random", "Evolution": "mutation", "Neural": "policy", "EvoNAS": "mutation"}[type]
    assert origins[:10] == ["random"] * 10
    assert {*origins[10:]} - {"repeat"} == {later}


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
def test_a_trial_that_pauses_several_times_is_one_result(type: str, config: dict[str, Any]) -> None:
    agent = create_agent(type, counting_space(8), 0, {**config, "warmup": 2})
    assert isinstance(agent, LearnsFromRungs)
    for _ in range(3):
        agent.propose()
    for step in (1, 3, 9):
        agent.observe_rung(0, step, 0.1)
        agent.pause(0)
    assert agent.propose().origin == "random"
    agent.observe_rung(1, 1, 0.2)
    agent.pause(1)
    assert (agent.propose().origin == "random") == (type == "Random")


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
from evonas.domination import hypervolume
from evonas.errors import InvalidManifest
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
