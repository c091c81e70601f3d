"""What Evo-NAS becomes at the ends of its range: these cases define the agents."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

from evonas.agents import EvolutionSettings, create_agent
from evonas.agents.composition import ComposedAgent
from evonas.agents.evolution import Mutation, Population, choose_positions
from evonas.agents.history import History
from evonas.agents.neural.network import PolicyNetwork
from evonas.agents.policy import UniformPolicy
from evonas.agents.randomness import Purpose, uniforms
from evonas.agents.sources import WholeSamples
from evonas.space import INACTIVE, Choices, SearchSpace

from .support import CONDITIONAL, counting, counting_space, observation, play

SPACES = pytest.mark.parametrize("space", [counting_space(6), CONDITIONAL], ids=["counting", "conditional"])


def reward(decisions: dict[str, Any]) -> float:
    """Any reward will do that differs between candidates."""
    return sum(zlib.crc32(f"{name}={value}".encode()) % 100 for name, value in decisions.items()) / 100


@SPACES
@pytest.mark.parametrize("training", ["PQT", "REINFORCE"])
def test_mutating_everything_is_the_neural_agent(space: SearchSpace, training: str) -> None:
    policy = {"policy": {"training": training, "entropyWeight": 0.1}}
    neural = create_agent("Neural", space, seed=3, settings=policy)
    everything = {"evolution": {"mutationProbability": 1}, "critic": {"model": "None"}}
    evonas = create_agent("EvoNAS", space, seed=3, settings={**policy, **everything})
    origins = set()
    for _ in range(min(60, space.size)):
        from_neural, from_evonas = neural.propose(), evonas.propose()
        origins.add((from_neural.origin, from_evonas.origin))
        assert from_neural.decisions == from_evonas.decisions
        assert from_neural.mutated == from_evonas.mutated
        neural.observe(from_neural.index, reward(from_neural.decisions))
        evonas.observe(from_evonas.index, reward(from_evonas.decisions))
    assert neural.entropy == evonas.entropy
    assert neural.entropy is not None
    assert neural.entropy < 1
    assert ("policy", "mutation") in origins


@SPACES
def test_an_untrained_network_is_the_evolution_agent(space: SearchSpace) -> None:
    evolution = create_agent("Evolution", space, seed=5)
    setting = {"policy": {"training": "None"}, "critic": {"model": "None"}}
    hybrid = create_agent("EvoNAS", space, seed=5, settings=setting)
    population = Population(EvolutionSettings.population)
    network = PolicyNetwork(space, 5, 32)
    frozen = ComposedAgent(
        space,
        5,
        start=WholeSamples(space, UniformPolicy(space), 5, "random"),
        source=Mutation(space, network, 5, population, EvolutionSettings()),
        warmup=10,
        history=History(),
        population=population,
        observers=[],
        policy=network,
        learner=None,
        repeats=None,
    )
    origins = set()
    for _ in range(min(80, space.size)):
        expected = evolution.propose()
        origins.add(expected.origin)
        assert frozen.propose() == expected
        assert hybrid.propose() == expected
        for agent in (evolution, frozen, hybrid):
            agent.observe(expected.index, reward(expected.decisions))
    assert "mutation" in origins


@SPACES
def test_mutating_nothing_repeats_parents(space: SearchSpace) -> None:
    population, members = Population(10), {}
    for index, draft in enumerate(
        WholeSamples(space, UniformPolicy(space), 1, "random").draw(0).drawing.choices.tolist()
    ):
        choices: Choices = tuple(draft)
        members[index] = choices
        population.observe(observation(index, choices, (True,) * len(space), reward=float(index)))
    source = Mutation(space, PolicyNetwork(space, 1, 8), 1, population, EvolutionSettings(mutation_probability=0))
    for index in range(20):
        drafts = source.draw(index)
        assert not drafts.drawing.drawn.any()
        for parent, child in zip(drafts.parents.tolist(), drafts.drawing.choices.tolist(), strict=True):
            assert tuple(child) == members[parent]


def test_the_expected_number_of_changes_is_that_of_the_definition() -> None:
    """At the start: p * sum over decisions of (1 - 1 / number of values), and one more where none was chosen."""
    cardinalities, p, draws = (2, 3, 5, 10, 4, 7), 0.3, 400
    space = SearchSpace.parse([{"name": f"d{k}", "values": list(range(m))} for k, m in enumerate(cardinalities)])
    population = Population(1)
    population.observe(observation(0, (1, 2, 4, 9, 0, 3), (False,) * 6, 1.0))
    source = Mutation(
        space, PolicyNetwork(space, 0, 8), 0, population, EvolutionSettings(mutation_probability=p, tournament=1)
    )
    drafts = [source.draw(index) for index in range(draws)]
    changed = np.concatenate([draft.drawing.choices for draft in drafts]) != np.array([1, 2, 4, 9, 0, 3])
    drawn = np.concatenate([draft.drawing.drawn for draft in drafts])
    none = (1 - p) ** 6
    chance = np.array([1 - 1 / m for m in cardinalities])
    # 12,800 children: the standard error of a mean of at most 6 numbers is below 0.02, that of a share below 0.005.
    assert drawn.sum(axis=1).mean() == pytest.approx(6 * p + none, abs=0.05)
    assert drawn.mean(axis=0) == pytest.approx(np.full(6, p + none / 6), abs=0.02)
    assert changed.sum(axis=1).mean() == pytest.approx((p + none / 6) * chance.sum(), abs=0.05)
    assert (drawn.sum(axis=1) >= 1).all()


@pytest.mark.parametrize(
    ("active", "changes", "expected"),
    [(5, 2, 0.2), (10, 2, 0.2), (20, 2, 0.1), (50, 2, 0.04), (4, 1, 0.2), (10, 1, 0.1), (50, 1, 0.02)],
)
def test_by_default_a_few_decisions_of_a_long_parent_change(active: int, changes: int, expected: float) -> None:
    parents = np.full((1000, active + 3), INACTIVE)
    parents[:, :active] = 0
    numbers = uniforms(1, Purpose.POSITIONS, 0, parents.shape)
    chosen = choose_positions(parents, None, numbers, changes)
    assert (chosen == choose_positions(parents, expected, numbers)).all()


@pytest.mark.parametrize("probability", [1e-9, 0.3])
def test_at_least_one_active_decision_is_chosen_and_each_alike(probability: float) -> None:
    parents = np.tile([0, INACTIVE, 3, 1], (9000, 1))
    chosen = choose_positions(parents, probability, uniforms(1, Purpose.POSITIONS, 0, parents.shape))
    assert chosen.any(axis=1).all()
    assert not chosen[:, 1].any()
    share = probability + (1 - probability) ** 3 / 3
    assert chosen[:, [0, 2, 3]].mean(axis=0) == pytest.approx([share] * 3, abs=0.02)


def test_decisions_that_a_parent_lacks_are_never_chosen_but_drawn() -> None:
    population = Population(1)
    parent = CONDITIONAL.to_choices({"blocks": 2, "activation": "relu", "pool": "max"})
    population.observe(observation(0, parent, (False,) * 6, 1.0))
    source = Mutation(
        CONDITIONAL, UniformPolicy(CONDITIONAL), 0, population, EvolutionSettings(mutation_probability=0.5)
    )
    grown = 0
    for index in range(30):
        drafts = source.draw(index)
        for child, drawn in zip(drafts.drawing.choices, drafts.drawing.drawn, strict=True):
            CONDITIONAL.to_choices(CONDITIONAL.to_candidate(child.tolist()))
            gained = [position for position in range(6) if child[position] >= 0 > parent[position]]
            assert all(drawn[position] for position in gained)
            assert not any(drawn[position] for position in range(6) if child[position] < 0)
            grown += bool(gained)
    assert grown > 100


def test_evonas_finds_far_better_candidates_than_random_search() -> None:
    space, seeds = counting_space(5), range(6)
    best = {
        type: [
            max(counting(proposal.decisions) for proposal in play(create_agent(type, space, seed), 150))
            for seed in seeds
        ]
        for type in ("Random", "EvoNAS")
    }
    assert np.mean(best["EvoNAS"]) > np.mean(best["Random"]) + 0.2
