"""The contestants for several objectives: our agents with their settings, and peers behind the same two methods."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import evonas.agents
import evonas.domination
from bench import kept
from bench.agents import peers as shared
from bench.agents.contestants import Suggestion
from bench.choosing import read_variant
from bench.fronts import peers
from bench.fronts.problem import Values
from evonas.agents import create_agent
from evonas.space import SearchSpace


class Searcher(Protocol):
    """Proposes candidates and is told their values, as all of our agents can with several objectives."""

    def propose(self) -> Suggestion | None:
        """Return a candidate; None while it waits for results."""

    def observe(self, index: int, values: Values) -> None:
        """Learn the values of a candidate, larger is better."""


@dataclass(frozen=True)
class Contestant:
    """A searcher by name."""

    label: str
    create: Callable[[SearchSpace, int, Values], Searcher]
    """Returns one for a space, a seed and the references of the objectives, minus infinity for those not told."""
    description: str
    """What identifies it; a change makes recorded runs stale."""
    code: tuple[Path, ...]
    """The files that it is made of, likewise."""
    package: str | None = None
    """The optional package that it needs."""
    is_told: bool = False
    """Whether it is told the references: what is worse in one of them is worth nothing."""

    @property
    def is_ours(self) -> bool:
        """Return whether it is one of this product's agents."""
        return self.package is None

    @property
    def is_installed(self) -> bool:
        """Return whether its package is installed."""
        return self.package is None or find_spec(self.package) is not None

    def identity(self) -> list[str]:
        """Return what a run's outcome depends on, beside the problem."""
        return [
            f"{self.description}{TOLD if self.is_told else ''}",
            _hash(self.code),
            *([version(self.package)] if self.package else []),
        ]


OURS = (Path(evonas.agents.__path__[0]), Path(evonas.domination.__file__))
THEIRS = (Path(peers.__file__), Path(shared.__file__))
TOLD, BLIND = "-told", "-blind"
"""Ends of labels: of a peer that is told the references, of an agent of ours that is not."""


def ours(label: str, type: str, settings: Mapping[str, Any] | None = None, *, is_told: bool = True) -> Contestant:
    """Return one of our agents; a manifest tells it the references."""
    config = dict(settings or {})
    described = json.dumps({"type": type, **config}, sort_keys=True)
    return Contestant(label, partial(_create, type, config), described, OURS, is_told=is_told)


def _create(type: str, settings: Mapping[str, Any], space: SearchSpace, seed: int, references: Values) -> Searcher:
    return create_agent(type, space, seed, settings, objectives=len(references), references=references)


def _optuna(label: str, sampler: str, **settings: Any) -> list[Contestant]:
    create = partial(peers.Optuna, sampler=sampler, **settings)
    return _both(label, create, f"{sampler} {json.dumps(settings)}", "optuna")


def _both(
    label: str, create: Callable[[SearchSpace, int, Values], Searcher], described: str, package: str
) -> list[Contestant]:
    """Return a peer as it is, and one that is told the references, as constraints."""
    told = f"{label}{TOLD}"
    return [
        Contestant(label, create, described, THEIRS, package),
        Contestant(told, create, described, THEIRS, package, is_told=True),
    ]


CONTESTANTS = {
    contestant.label: contestant
    for contestant in (
        ours("evonas", "EvoNAS"),
        ours(f"evonas{BLIND}", "EvoNAS", is_told=False),
        ours("evonas-plain", "EvoNAS", {"critic": {"model": "None"}}),
        ours("evonas-uniform", "EvoNAS", {"policy": {"training": "None"}}),
        ours("evolution", "Evolution"),
        ours(f"evolution{BLIND}", "Evolution", is_told=False),
        ours("random", "Random"),
        *_optuna("optuna-nsga2", "NSGAIISampler"),
        *_optuna("optuna-nsga2-20", "NSGAIISampler", population_size=20),
        *_optuna("optuna-tpe", "TPESampler"),
        *_optuna("optuna-gp", "GPSampler"),
        *_both("pymoo-nsga2", peers.Pymoo, "NSGA2", "pymoo"),
    )
}
"""Every contestant by label. ``optuna-nsga2`` has the population that it has by default, 50; ``optuna-nsga2-20`` the
one of pymoo's here, which suits short searches better."""


def parse_variant(text: str) -> Contestant:
    """Parse ``label={"type": "EvoNAS", …}``: an agent of ours under other settings."""
    return ours(*read_variant(text))


@cache
def _hash(files: tuple[Path, ...]) -> str:
    return kept.code(files)
