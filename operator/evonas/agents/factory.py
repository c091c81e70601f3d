"""Puts the agents together: all four are one ``ComposedAgent``, told apart by where their candidates come from.

========= ==================== ================ ===========
type      candidates           policy           learns
========= ==================== ================ ===========
Random    whole                uniform          no
Evolution children of parents  uniform          no
Neural    whole                network          yes
EvoNAS    children of parents  network          yes
========= ==================== ================ ===========
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evonas.agents.composition import ComposedAgent
from evonas.agents.evolution import Mutation, Population
from evonas.agents.history import History
from evonas.agents.interface import Agent
from evonas.agents.policy import Alternating, Learner, Observer, Policy, UniformPolicy
from evonas.agents.randomness import MAX_SEED
from evonas.agents.settings import AgentSettings
from evonas.agents.sources import Source, WholeSamples
from evonas.errors import FieldProblem, InvalidManifest
from evonas.space import SearchSpace

AGENT_TYPES = ("Random", "Evolution", "Neural", "EvoNAS")


def create_agent(type: str, space: SearchSpace, seed: int = 0, settings: Mapping[str, Any] | None = None) -> Agent:
    """Return a new agent of one of AGENT_TYPES.

    ``settings`` is the manifest's ``spec.agent`` minus type and seed (see AgentSettings); ``seed`` lies in
    0..2^63 - 1. InvalidManifest names every field that is wrong.
    """
    _check(type, seed)
    parsed = AgentSettings.parse(settings or {})
    learner: Learner | None = None
    policy: Policy = UniformPolicy(space)
    if type in ("Neural", "EvoNAS") and parsed.policy.training != "None":
        # PyTorch costs seconds and hundreds of megabytes: only searches that learn shall pay for it.
        from evonas.agents.learning import create_learner  # noqa: PLC0415

        policy, learner = create_learner(space, seed, parsed)
    history = History()
    start = WholeSamples(space, UniformPolicy(space), seed, "random")
    source: Source = start
    population: Population | None = None
    critic: Observer | None = None
    if type == "Neural":
        source = WholeSamples(space, policy, seed, "policy")
    elif type != "Random":
        population = Population(parsed.evolution.population)
        source = Mutation(space, policy, seed, population, parsed.evolution)
        if type == "EvoNAS" and parsed.critic.model != "None":
            from evonas.agents.critic import Critic  # noqa: PLC0415
            from evonas.agents.imagination import ImaginedEvolution  # noqa: PLC0415

            critic = Critic(space)
            first = Mutation(space, Alternating(policy), seed, population, parsed.evolution)
            later = Mutation(space, UniformPolicy(space), seed, population, parsed.evolution)
            source = ImaginedEvolution(
                first,
                later,
                critic,
                history,
                seed,
                generations=parsed.critic.generations_for(len(space)),
                exploration=parsed.critic.exploration,
            )
    return ComposedAgent(
        space,
        seed,
        start=start,
        source=source,
        warmup=parsed.warmup,
        history=history,
        observers=[part for part in (population, learner, critic) if part is not None],
        learner=learner,
    )


def _check(type: str, seed: int) -> None:
    problems = []
    if type not in AGENT_TYPES:
        problems.append(FieldProblem("spec.agent.type", f"must be one of {', '.join(AGENT_TYPES)}, got {type!r}"))
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        problems.append(FieldProblem("spec.agent.seed", f"must be a whole number from 0 to {MAX_SEED}, got {seed!r}"))
    if problems:
        raise InvalidManifest(problems)
