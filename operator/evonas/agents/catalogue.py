"""The types of agents: the built-in ones, and those that other packages declare as entry points.

Below ``factory``. ``check_agent`` validates ``spec.agent`` without creating the agent, so that a search is refused
before its first trial and without importing what only the agent needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from evonas.agents.interface import Agent
from evonas.agents.settings import SAMPLERS, AgentSettings, Sampler
from evonas.errors import FieldProblem, InvalidManifest
from evonas.extras import cure, lacks
from evonas.hints import did_you_mean
from evonas.space import SearchSpace

AGENT_TYPES = ("Random", "Evolution", "Neural", "EvoNAS", "Optuna")
"""The built-in types; an entry point of the same name is ignored."""

ENTRY_POINTS = "evonas.agents"
"""The entry point group. An entry point's name is the type, its object a Factory."""

Factory = Callable[[SearchSpace, int, Mapping[str, Any]], Agent]
"""Creates an agent from the space, the seed (0 to 2^63 - 1) and ``spec.agent.settings``; it may reject the settings
with a ValueError, whose text is shown to users, or with InvalidManifest. One that has a true attribute
``takes_objectives`` creates agents for several objectives, too: their number is passed to it as ``objectives``."""

LIGHT_TYPES = ("Evolution", "Random")
"""The built-in types that need nothing beside this package."""


def check_agent(type: str, settings: Mapping[str, Any], objectives: int = 1) -> AgentSettings:
    """Return the parsed settings, ``spec.agent`` minus type and seed, of an agent for so many objectives.
    InvalidManifest names every invalid field or, if there is none, what the agent needs that is not installed here.

    An entry point is looked up, not loaded: what its package rejects only shows when the agent is created.
    """
    parsed = parse_agent(type, settings, objectives)
    if missing := not_installed(type, parsed):
        raise InvalidManifest([FieldProblem("spec.agent.type", missing)])
    return parsed


def parse_agent(type: str, settings: Mapping[str, Any], objectives: int = 1) -> AgentSettings:
    """As ``check_agent``, whether or not the agent could be created here."""
    problems = [*_type_problems(type)]
    parsed = AgentSettings()
    try:
        parsed = AgentSettings.parse(settings)
    except InvalidManifest as invalid:
        problems += invalid.problems
    if type in AGENT_TYPES and parsed.settings:
        names = ", ".join(sorted(parsed.settings))
        problems.append(
            FieldProblem(
                "spec.agent.settings",
                f"must be empty, got {names}: these are for agents of other packages, {type} has fields of its own",
            )
        )
    if objectives > 1:
        problems += _objective_problems(type, parsed)
    if problems:
        raise InvalidManifest(problems)
    return parsed


def _objective_problems(type: str, settings: AgentSettings) -> Iterator[FieldProblem]:
    """Yield what keeps a built-in agent from having several objectives."""
    if type == "Optuna" and settings.sampler == "CMAES":
        problem = "CMAES has one objective, and spec.objectives lists several: choose TPE, GP, NSGAII or QMC"
        yield FieldProblem("spec.agent.sampler", problem)
    if type in ("Neural", "EvoNAS") and settings.policy.training == "REINFORCE":
        problem = "REINFORCE learns from one reward, and spec.objectives lists several: choose PQT"
        yield FieldProblem("spec.agent.policy.training", problem)


def not_installed(type: str, settings: AgentSettings) -> str:
    """Say what an agent needs that is not installed here, and the cure; empty if nothing is missing."""
    if uses_experience(type, settings):
        need, extras = f"{type} learns with PyTorch, which is not installed here", ["agents"]
    elif type == "Optuna":
        need = f"Optuna's sampler {settings.sampler} needs packages that are not installed here"
        extras = ["agents", "optuna"] if settings.sampler == "GP" else ["optuna"]
    else:
        return ""
    return f"{need}: {cure(*extras)}, or choose {' or '.join(LIGHT_TYPES)}" if lacks(*extras) else ""


def uses_experience(type: str, settings: AgentSettings, objectives: int = 1) -> bool:
    """Return whether an agent learns from earlier searches: its critic does, or else its policy. With several
    objectives neither does.
    """
    if objectives > 1:
        return False
    learns = settings.policy.training != "None"
    return learns if type == "Neural" else type == "EvoNAS" and (learns or settings.critic.model != "None")


def sampler_named(type: str) -> Sampler | None:
    """Return the sampler of agents of type Optuna that somebody means who writes its name in place of a type; None if
    there is such a type, or no such sampler.
    """
    if type in AGENT_TYPES or _find_entry_point(type) is not None:
        return None
    plain = type.casefold().replace("-", "").replace("_", "").removesuffix("sampler").replace("nsga2", "nsgaii")
    return next((sampler for sampler in SAMPLERS if sampler.casefold() == plain), None)


def may_have_population(type: str) -> bool:
    """Return whether an agent of this type may have a population; for other packages' types only the agent knows."""
    return type not in ("Random", "Neural", "Optuna")


def create_foreign(type: str, space: SearchSpace, seed: int, settings: Mapping[str, Any], objectives: int = 1) -> Agent:
    """Return a new agent of an entry point's type; InvalidManifest if its package rejects the settings, fails to load,
    or knows nothing of several objectives.
    """
    declared = _find_entry_point(type)
    if declared is None:
        raise InvalidManifest([*_type_problems(type)])
    try:
        factory: Any = declared.load()
    except (ImportError, AttributeError) as error:
        problem = f"{type!r} is declared as {declared.value}, which cannot be loaded ({error}); repair that package"
        raise InvalidManifest([FieldProblem("spec.agent.type", problem)]) from error
    takes_objectives = bool(getattr(factory, "takes_objectives", False))
    if objectives > 1 and not takes_objectives:
        problem = f"an agent of type {type!r} has one objective: give spec.objective, or choose another spec.agent.type"
        raise InvalidManifest([FieldProblem("spec.objectives", problem)])
    try:
        agent: Agent = factory(space, seed, settings, **({"objectives": objectives} if takes_objectives else {}))
        return agent
    except ValueError as error:
        raise InvalidManifest([FieldProblem("spec.agent.settings", str(error))]) from error


def _find_entry_point(type: str) -> EntryPoint | None:
    return next(iter(entry_points(group=ENTRY_POINTS, name=type)), None)


def _type_problems(type: str) -> list[FieldProblem]:
    if type in AGENT_TYPES or _find_entry_point(type) is not None:
        return []
    known = (*AGENT_TYPES, *sorted(entry_points(group=ENTRY_POINTS).names - set(AGENT_TYPES)))
    if (sampler := sampler_named(type)) is not None:
        cure = f", a sampler of Optuna: write {{type: Optuna, sampler: {sampler}}}"
    else:
        cure = (
            "; if another package brings this agent, install that package beside evonas (it declares the entry point"
            f" {type!r} in group {ENTRY_POINTS!r}){did_you_mean(type, known)}"
        )
    return [FieldProblem("spec.agent.type", f"must be one of {', '.join(known)}, got {type!r}{cure}")]
