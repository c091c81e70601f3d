"""Evolution in imagination: children of children, bred and judged by the critic, before one of them is evaluated.

The first generation descends from evaluated parents, half of it by the network's draws; each further one mutates the
most promising candidates so far uniformly, in smaller steps, since these add up. A candidate's promise is the critic's
expectation plus a multiple of its uncertainty, an upper confidence bound (Srinivas et al., arXiv 0912.3995). The
multiple is drawn for each proposal, as in randomised GP-UCB (Berk et al., arXiv 2006.04296), so that some proposals
exploit and others explore, especially among those evaluated at the same time. Imports PyTorch through the critic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.agents.critic.critic import Critic, Judgement
from evonas.agents.evolution import Mutation
from evonas.agents.history import History
from evonas.agents.randomness import Purpose, uniforms
from evonas.agents.sources import Drafts, Drawing

BREEDERS = 8
"""How many of the most promising candidates breed the next generation."""


class ImaginedEvolution:
    """A ``Source`` whose drafts are the most promising candidates it bred, best first."""

    def __init__(
        self,
        first: Mutation,
        later: Mutation,
        critic: Critic,
        history: History,
        seed: int,
        *,
        generations: int,
        exploration: float,
    ) -> None:
        self._first = first
        self._later = later
        self._critic = critic
        self._history = history
        self._seed = seed
        self._generations = generations
        self._exploration = exploration

    def draw(self, index: int) -> Drafts:
        """Breed the candidates for proposal ``index``; the population is not empty."""
        judgement = self._critic.judge(self._history.under_way)
        exploration = self._exploration_of(index)
        drafts = self._first.draw(index)
        size = len(drafts.parents)
        pool = _judged(judgement, exploration, drafts.drawing, drafts.parents).best(size)
        later = self._generations - 1
        numbers = uniforms(self._seed, Purpose.BREEDERS, index, (later, size))
        dice = self._later.dice(index, later, skipped=1)
        for breeders, thrown in zip((numbers * BREEDERS).astype(int), dice, strict=True):
            parents = pool.drawing.take(breeders)
            children = self._later.mutate(parents.choices, thrown).inheriting(parents)
            pool = pool.join(_judged(judgement, exploration, children, pool.parents[breeders])).best(size)
        return Drafts(pool.drawing, pool.parents, drafts.origin, size * self._generations, pool.means)

    def _exploration_of(self, index: int) -> float:
        """Return the proposal's number of standard deviations: exponentially distributed."""
        return -self._exploration * math.log1p(-float(uniforms(self._seed, Purpose.EXPLORATION, index, (1,))[0]))


@dataclass(frozen=True)
class _Pool:
    """Judged candidates, one per row."""

    drawing: Drawing
    parents: NDArray[np.int64]
    means: NDArray[np.float64]
    promise: NDArray[np.float64]

    def join(self, other: _Pool) -> _Pool:
        return _Pool(
            self.drawing.join(other.drawing),
            np.concatenate([self.parents, other.parents]),
            np.concatenate([self.means, other.means]),
            np.concatenate([self.promise, other.promise]),
        )

    def best(self, size: int) -> _Pool:
        order = np.argsort(-self.promise, kind="stable")[:size]
        return _Pool(self.drawing.take(order), self.parents[order], self.means[order], self.promise[order])


def _judged(judgement: Judgement, exploration: float, drawing: Drawing, parents: NDArray[np.int64]) -> _Pool:
    means, deviations = judgement.predict(drawing.choices)
    return _Pool(drawing, parents, means, means + exploration * deviations)
