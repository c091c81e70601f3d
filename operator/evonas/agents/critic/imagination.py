"""Evolution in imagination: children of children, bred and judged by the critic, before one of them is evaluated.

The first generation descends from evaluated parents, half of it by the network's draws; each further one mutates the
most promising candidates so far uniformly, in smaller steps, since these add up. A candidate's promise is the critic's
expectation plus a multiple of its uncertainty, an upper confidence bound (Srinivas et al., arXiv 0912.3995). The
multiple is drawn for each proposal, as in randomised GP-UCB (Berk et al., arXiv 2006.04296), so that some proposals
exploit and others explore, especially among those evaluated at the same time. Imports PyTorch through the critic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from evonas.agents.critic.critic import Critic, Judgement
from evonas.agents.evolution import Breeding, Mutation
from evonas.agents.history import History
from evonas.agents.randomness import Purpose, uniforms
from evonas.agents.sources import Drafts, Drawing

BREEDERS = 8
"""How many of the most promising candidates breed the next generation."""


class ImaginedEvolution:
    """A ``Source`` whose drafts are the most promising candidates it bred, best first."""

    def __init__(
        self,
        first: Sequence[Breeding],
        later: Mutation,
        critic: Critic,
        history: History,
        seed: int,
        *,
        generations: int,
        exploration: float,
    ) -> None:
        """Take what breeds the first generation, and the later ones."""
        self._first = first
        self._later = later
        self._critic = critic
        self._history = history
        self._seed = seed
        self._generations = generations
        self._exploration = exploration

    def draw(self, index: int) -> Drafts:
        """Breed the candidates for proposal ``index``; somebody has parents."""
        judgement = self._critic.judge(self._history.under_way)
        first = [source.draw(index) for source in self._first if source.has_parents]
        size, decisions = first[0].drawing.choices.shape
        rows = size * (len(first) + self._generations - 1)
        pool = _Pool(judgement, self._exploration_of(index), rows, decisions)
        for drafts in first:
            pool.add(drafts.drawing, drafts.parents)
        later = self._generations - 1
        numbers = uniforms(self._seed, Purpose.BREEDERS, index, (later, size))
        dice = self._later.dice(index, later, skipped=1)
        for ranks, thrown in zip((numbers * BREEDERS).astype(int), dice, strict=True):
            breeders = pool.best(size)[ranks]
            parents = pool.drawing.take(breeders)
            pool.add(self._later.mutate(parents.choices, thrown).inheriting(parents), pool.parents[breeders])
        best = pool.best(size)
        drawing = pool.drawing.take(best)
        owed = partial(judgement.owed, drawing.choices)
        return Drafts(drawing, pool.parents[best], "mutation", rows, pool.means[best], owed)

    def _exploration_of(self, index: int) -> float:
        """Return the proposal's number of standard deviations: exponentially distributed."""
        return -self._exploration * math.log1p(-float(uniforms(self._seed, Purpose.EXPLORATION, index, (1,))[0]))


class _Pool:
    """Judged candidates, one per row, in the order in which they were bred."""

    def __init__(self, judgement: Judgement, exploration: float, rows: int, decisions: int) -> None:
        self._judgement = judgement
        self._exploration = exploration
        self.drawing = Drawing.empty(rows, decisions)
        self.parents = np.empty(rows, np.int64)
        self.means = np.empty(rows)
        self._promise = np.empty(rows)
        self._bred = 0

    def add(self, drawing: Drawing, parents: NDArray[np.int64]) -> None:
        """Judge more candidates."""
        means, deviations = self._judgement.predict(drawing.choices)
        rows = slice(self._bred, self._bred + len(parents))
        self.drawing.put(rows, drawing)
        self.parents[rows], self.means[rows] = parents, means
        self._promise[rows] = means + self._exploration * deviations
        self._bred = rows.stop

    def best(self, size: int) -> NDArray[np.int64]:
        """Return the rows of the most promising candidates, best first; among equals the older ones."""
        return np.argsort(-self._promise[: self._bred], kind="stable")[:size]
