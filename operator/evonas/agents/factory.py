"""Assembles the agents: four types are one ``ComposedAgent`` and differ in where their candidates come from.

========= ==================== =================== ======
type      candidates           policy              critic
========= ==================== =================== ======
Random    whole                uniform             no
Evolution children of parents  uniform             no
Neural    whole                network             no
EvoNAS    children of parents  network and uniform yes
========= ==================== =================== ======

Settings can remove parts of EvoNAS: without a critic its policy is the network alone, and without training it is
uniform. With several objectives there is a critic for each. Optuna's samplers and the agents of other packages are
created elsewhere (``optuna_agent``, ``catalogue``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from evonas.agents.catalogue import AGENT_TYPES, check_agent, create_foreign, parse_agent, uses_experience
from evonas.agents.composition import ComposedAgent
from evonas.agents.evolution import Mutation, Population, Turns
from evonas.agents.experience import NO_EXPERIENCE, Experience
from evonas.agents.history import History
from evonas.agents.interface import Agent
from evonas.agents.policy import Alternating, Learner, Observer, Policy, UniformPolicy
from evonas.agents.randomness import MAX_SEED
from evonas.agents.repeats import Repeats
from evonas.agents.rewards import Values
from evonas.agents.sources import Source, WholeSamples
from evonas.agents.transfer import EliteDescendants
from evonas.errors import FieldProblem, InvalidManifest
from evonas.space import SearchSpace

if TYPE_CHECKING:
    from evonas.agents.critic.judgement import Beliefs

POLICY_INTERVAL = 3
"""If a critic judges the candidates, the network draws some for every third proposal: asked each time, it takes as long
as all else, and nothing is found earlier. No divisor of the interval of repeats, or these could take its turns."""


def create_agent(
    type: str,
    space: SearchSpace,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    experience: Experience = NO_EXPERIENCE,
    *,
    objectives: int = 1,
    references: Values = (),
    looks_back: bool = False,
) -> Agent:
    """Return a new agent of one of AGENT_TYPES, or of a type that another package declares as an entry point.

    ``settings`` is the manifest's ``spec.agent`` minus type and seed (see AgentSettings); ``seed`` lies in 0..2^63 - 1;
    ``experience`` is what it knows from earlier searches, of which only EvoNAS and Neural make use. It is told a number
    as reward or, if there are several ``objectives``, a tuple of as many; ``references`` are the worst values of these
    that are worth anything, minus infinity where there is none. One that ``looks_back`` is only told of a record and
    asked for its policy: it does without PyTorch and critic. InvalidManifest names every invalid field.
    """
    _check_seed(seed)
    parsed = (parse_agent if looks_back else check_agent)(type, settings or {}, objectives)
    if not uses_experience(type, parsed, objectives):
        experience = NO_EXPERIENCE
    if type not in AGENT_TYPES:
        return create_foreign(type, space, seed, parsed.settings, objectives)
    if type == "Optuna":
        # An extra of this package.
        from evonas.agents.optuna.agent import OptunaAgent  # noqa: PLC0415

        return OptunaAgent(space, seed, parsed, objectives)
    criticised = type == "EvoNAS" and parsed.critic.model != "None"
    learner: Learner | None = None
    policy: Policy = UniformPolicy(space)
    if type in ("Neural", "EvoNAS") and parsed.policy.training != "None":
        from evonas.agents.neural.learning import create_learner  # noqa: PLC0415

        alone = type == "Neural"
        policy, learner = create_learner(
            space,
            seed,
            parsed,
            experience,
            alone=alone,
            criticised=criticised,
            looks_back=looks_back,
            references=references,
        )
    history = History(objectives)
    start: Source = WholeSamples(space, UniformPolicy(space), seed, "random")
    source = start
    population: Population | None = None
    critic: Observer | None = None
    if type == "Neural":
        source = WholeSamples(space, policy, seed, "policy")
    elif type != "Random":
        population = Population(parsed.evolution.population, references)
        mutation = partial(Mutation, space, seed=seed, population=population, settings=parsed.evolution)
        if criticised and not looks_back:
            from evonas.agents.critic.imagination import ImaginedEvolution  # noqa: PLC0415

            critic, judge = _create_critic(space, seed, experience, references or (-math.inf,) * objectives, history)
            elites = EliteDescendants(space, seed, experience)
            source = ImaginedEvolution(
                space,
                (Turns(mutation(Alternating(policy)), mutation(UniformPolicy(space)), POLICY_INTERVAL), elites),
                judge,
                history,
                seed,
                generations=parsed.critic.generations_for(len(space)),
                exploration=parsed.critic.exploration,
            )
            if elites.has_parents:
                start = source
        else:
            source = mutation(policy)
    if type == "Neural" and experience:
        # What is known from earlier searches takes the place of a warm-up.
        start = source
    return ComposedAgent(
        space,
        seed,
        start=start,
        source=source,
        warmup=parsed.warmup,
        history=history,
        population=population,
        observers=[part for part in (learner, critic) if part is not None],
        policy=policy,
        learner=learner,
        repeats=Repeats() if criticised and objectives == 1 else None,
        objectives=objectives,
    )


def _create_critic(
    space: SearchSpace, seed: int, experience: Experience, references: Values, history: History
) -> tuple[Observer, Callable[[int], Beliefs]]:
    """Return what learns, and what says for a proposal's index what is believed then."""
    from evonas.agents.critic.critic import Critic  # noqa: PLC0415
    from evonas.agents.critic.panel import Panel  # noqa: PLC0415

    if len(references) > 1:
        panel = Panel(space, seed, references)
        return panel, lambda index: panel.judge(index, history.under_way)
    critic = Critic(space, experience)
    return critic, lambda _: critic.judge(history.under_way)


def _check_seed(seed: int) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        problem = f"must be a whole number from 0 to {MAX_SEED}, got {seed!r}"
        raise InvalidManifest([FieldProblem("spec.agent.seed", problem)])
