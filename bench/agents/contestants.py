"""The contestants: our agents with their settings, and peers behind the same two methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from typing import Any, Protocol

from bench.agents import peers
from bench.agents.model_based import BoTorch, Smac
from bench.choosing import read_variant
from evonas.agents import create_agent
from evonas.space import SearchSpace, Value


class Suggestion(Protocol):
    """A candidate with its index."""

    @property
    def index(self) -> int:
        """By which its reward is told."""

    @property
    def decisions(self) -> dict[str, Value]:
        """The candidate."""


class Searcher(Protocol):
    """Proposes candidates and is told their rewards, as all of our agents can."""

    def propose(self) -> Suggestion:
        """Return a candidate."""

    def observe(self, index: int, reward: float | None) -> None:
        """Learn a reward, larger is better; None for infeasible."""


@dataclass(frozen=True)
class Contestant:
    """A searcher by name."""

    label: str
    create: Callable[[SearchSpace, int], Searcher]
    package: str | None = None
    """The optional package that it needs."""
    conditional: bool = True
    """Whether it can search spaces with conditional decisions."""
    description: Mapping[str, Any] = field(default_factory=dict)
    """What identifies it; a change makes recorded runs stale."""

    @property
    def is_installed(self) -> bool:
        """Return whether its package is installed."""
        return self.package is None or find_spec(self.package) is not None


def ours(label: str, type: str, settings: Mapping[str, Any] | None = None) -> Contestant:
    """Return one of our agents."""
    config = dict(settings or {})
    return Contestant(label, partial(_create, type, config), description={"type": type, **config})


def _create(type: str, settings: Mapping[str, Any], space: SearchSpace, seed: int) -> Searcher:
    return create_agent(type, space, seed, settings)


def _peer(label: str, create: Callable[[SearchSpace, int], Searcher], **keywords: Any) -> Contestant:
    return Contestant(label, create, description={"peer": label}, **keywords)


CONTESTANTS = {
    contestant.label: contestant
    for contestant in (
        ours("evonas", "EvoNAS"),
        ours("evonas-plain", "EvoNAS", {"critic": {"model": "None"}}),
        ours("evonas-uniform", "EvoNAS", {"policy": {"training": "None"}}),
        ours("evolution", "Evolution"),
        ours("neural", "Neural"),
        ours("random", "Random"),
        replace(ours("optuna-agent", "Optuna"), package="optuna"),
        _peer("regularised-evolution", peers.RegularisedEvolution),
        _peer("local-search", peers.LocalSearch),
        _peer("optuna-tpe", peers.OptunaTPE, package="optuna"),
        _peer("smac", partial(Smac, repeating=False), package="smac", conditional=False),
        _peer("smac-repeating", partial(Smac, repeating=True), package="smac", conditional=False),
        _peer("botorch", BoTorch, package="botorch", conditional=False),
        _peer("pyglove-evolution", peers.PyGloveEvolution, package="pyglove", conditional=False),
    )
}
"""Every contestant by label. ``evonas-plain`` is the hybrid of the paper, without a critic; ``evonas-uniform`` has the
critic but a policy that never learns. ``optuna-tpe`` is plain TPE, ``optuna-agent`` our agent, which never tries a
candidate twice; ``smac-repeating`` may try one three times."""


def parse_variant(text: str) -> Contestant:
    """Parse ``label={"type": "EvoNAS", …}``: an agent of ours under other settings."""
    return ours(*read_variant(text))
