"""Which of Optuna's samplers are offered, and how each is created for one proposal. Only ``optuna_study`` uses this. A
sampler keeps random state, and the GP its last kernel; one that is created for each proposal from (seed, index) has
neither, so that nothing has to be saved to continue as an uninterrupted search would.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)

from evonas.agents.settings import Sampler

# It would be repeated for every proposal.
warnings.filterwarnings("ignore", "QMCSampler is experimental", ExperimentalWarning)


@dataclass(frozen=True)
class Seeds:
    """What a sampler may draw from, each below 2^32."""

    search: int
    """The same for every proposal of the search."""
    proposal: int
    """Different for each proposal."""
    warmup: int
    """Results needed before TPE and GP use their model."""


@dataclass(frozen=True)
class Kind:
    """What distinguishes a sampler from the others."""

    build: Callable[[Seeds], BaseSampler]
    categorical: bool = True
    """Whether it can relate decisions whose values have no order."""
    remembers: bool = False
    """Whether a draw leaves something behind in the study that later draws read (a generation, the state of CMA-ES, a
    place in the sequence): restoring then has to draw again what was drawn."""
    draws: int = 8
    """How many candidates are drawn in search of a new one; after that the random walk takes over."""


def _tpe(seeds: Seeds) -> BaseSampler:
    return TPESampler(n_startup_trials=seeds.warmup, seed=seeds.proposal)


def _gp(seeds: Seeds) -> BaseSampler:
    return GPSampler(n_startup_trials=seeds.warmup, seed=seeds.proposal, warn_independent_sampling=False)


def _nsga2(seeds: Seeds) -> BaseSampler:
    return NSGAIISampler(seed=seeds.proposal)


def _cmaes(seeds: Seeds) -> BaseSampler:
    return CmaEsSampler(seed=seeds.proposal, warn_independent_sampling=False)


def _qmc(seeds: Seeds) -> BaseSampler:
    return QMCSampler(
        scramble=True,
        seed=seeds.search,
        independent_sampler=RandomSampler(seed=seeds.proposal),
        warn_independent_sampling=False,
    )


KINDS: Mapping[Sampler, Kind] = {
    "TPE": Kind(_tpe),
    # Up to a second each; for the second draw the first counts as running, so that it lands elsewhere.
    "GP": Kind(_gp, draws=2),
    "NSGAII": Kind(_nsga2, remembers=True),
    "CMAES": Kind(_cmaes, categorical=False, remembers=True),
    "QMC": Kind(_qmc, remembers=True),
}
