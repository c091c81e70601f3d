"""The manifest's ``spec.agent``."""

from __future__ import annotations

from typing import Any

import pytest

from evonas.agents import AgentSettings, EvolutionSettings, PolicySettings, create_agent
from evonas.errors import InvalidManifest

from .support import counting_space


def test_an_empty_manifest_means_the_defaults() -> None:
    assert AgentSettings.parse({}) == AgentSettings()
    assert AgentSettings.parse({"evolution": {}, "policy": {}}) == AgentSettings()


def test_every_field_is_read() -> None:
    manifest = {
        "warmup": 20,
        "evolution": {"population": 100, "tournament": 25, "mutationProbability": 0.1},
        "policy": {
            "training": "REINFORCE",
            "hiddenUnits": 64.0,
            "learningRate": 0.001,
            "entropyWeight": 0,
            "queueSize": 5,
            "baselineDecay": 0.9,
        },
        "sampler": "GP",
        "settings": {"anything": [1, {"deep": None}]},
    }
    assert AgentSettings.parse(manifest) == AgentSettings(
        warmup=20,
        evolution=EvolutionSettings(population=100, tournament=25, mutation_probability=0.1),
        policy=PolicySettings("REINFORCE", 64, 0.001, 0.0, 5, 0.9),
        sampler="GP",
        settings={"anything": [1, {"deep": None}]},
    )


@pytest.mark.parametrize(
    ("manifest", "field", "problem"),
    [
        ({"warmup": 1}, "spec.agent.warmup", "must be a whole number from 2 to 10000, got 1"),
        ({"warmup": "ten"}, "spec.agent.warmup", "got 'ten'"),
        ({"warmup": True}, "spec.agent.warmup", "got True"),
        (
            {"seed": 3},
            "spec.agent.seed",
            "unknown field; known are critic, evolution, policy, sampler, settings, warmup",
        ),
        ({"sampler": "tpe"}, "spec.agent.sampler", "must be one of TPE, GP, NSGAII, CMAES, QMC, got 'tpe'"),
        ({"settings": ["fast"]}, "spec.agent.settings", "must be an object, got ['fast']"),
        (
            {"settings": {"b": 1, "a": 2}},
            "spec.agent.settings",
            "must be empty, got a, b: these are for agents of other",
        ),
        ({"evolution": [1]}, "spec.agent.evolution", "must be an object"),
        ({"evolution": None}, "spec.agent.evolution", "must be an object"),
        ({"evolution": {"population": 0}}, "spec.agent.evolution.population", "from 1 to 1000"),
        ({"evolution": {"tournament": 2.5}}, "spec.agent.evolution.tournament", "got 2.5"),
        (
            {"evolution": {"mutationProbability": 0}},
            "spec.agent.evolution.mutationProbability",
            "above 0 and at most 1",
        ),
        ({"evolution": {"mutationProbability": 1.5}}, "spec.agent.evolution.mutationProbability", "got 1.5"),
        ({"evolution": {"mutationProbability": None}}, "spec.agent.evolution.mutationProbability", "got None"),
        ({"evolution": {"elitism": True}}, "spec.agent.evolution.elitism", "unknown field"),
        (
            {"policy": {"training": "PPO"}},
            "spec.agent.policy.training",
            "must be one of PQT, REINFORCE, None, got 'PPO'",
        ),
        ({"policy": {"hiddenUnits": 513}}, "spec.agent.policy.hiddenUnits", "from 1 to 512"),
        ({"policy": {"learningRate": 0}}, "spec.agent.policy.learningRate", "above 0 and at most 1, got 0"),
        ({"policy": {"learningRate": float("nan")}}, "spec.agent.policy.learningRate", "got nan"),
        ({"policy": {"entropyWeight": -1}}, "spec.agent.policy.entropyWeight", "at least 0 and at most 1000"),
        ({"policy": {"queueSize": 0}}, "spec.agent.policy.queueSize", "from 1 to 1000"),
        ({"policy": {"baselineDecay": 1}}, "spec.agent.policy.baselineDecay", "at least 0 and below 1, got 1"),
        ({"policy": {"LearningRate": 0.1}}, "spec.agent.policy.LearningRate", "unknown field"),
    ],
)
def test_bad_settings_name_their_field(manifest: dict[str, Any], field: str, problem: str) -> None:
    for type in ("Random", "EvoNAS"):
        with pytest.raises(InvalidManifest) as caught:
            create_agent(type, counting_space(3), settings=manifest)
        assert [each.field for each in caught.value.problems] == [field]
        assert problem in caught.value.problems[0].problem


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(InvalidManifest) as caught:
        AgentSettings.parse({"warmup": 0, "policy": {"queueSize": -1, "momentum": 0.9}})
    assert [each.field for each in caught.value.problems] == [
        "spec.agent.warmup",
        "spec.agent.policy.queueSize",
        "spec.agent.policy.momentum",
    ]


@pytest.mark.parametrize(
    ("type", "seed", "field"),
    [
        ("Genetic", 0, "spec.agent.type"),
        ("evonas", 0, "spec.agent.type"),
        ("Random", -1, "spec.agent.seed"),
        ("Random", 2**63, "spec.agent.seed"),
        ("Random", True, "spec.agent.seed"),
        ("Random", "7", "spec.agent.seed"),
    ],
)
def test_unknown_types_and_impossible_seeds_are_refused(type: str, seed: Any, field: str) -> None:
    with pytest.raises(InvalidManifest) as caught:
        create_agent(type, counting_space(3), seed)
    assert [each.field for each in caught.value.problems] == [field]


@pytest.mark.parametrize("type", ["Random", "EvoNAS"])
def test_the_largest_seed_works(type: str) -> None:
    agent = create_agent(type, counting_space(3), 2**63 - 1)
    assert agent.propose().index == 0
