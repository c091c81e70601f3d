"""Evolution in imagination: children of children, bred and judged by the critic, before one of them is evaluated.

The first generation descends from evaluated parents, half of it by the network's draws; the further ones are a search
for the best that the critic can imagine (``pool``). Of the candidates of which it expects most, the most promising is
evaluated. A candidate's promise is the critic's expectation plus a multiple of its uncertainty, an upper confidence
bound (Srinivas et al., arXiv 0912.3995). The multiple is drawn for each proposal, as in randomised GP-UCB (Berk et al.,
arXiv 2006.04296), so that some proposals exploit and others explore, especially among those evaluated at the same time.
Imports PyTorch through the critic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from evonas.agents.critic.judgement import Beliefs
from evonas.agents.critic.pool import Pool
from evonas.agents.evolution import Breeding
from evonas.agents.history import History
from evonas.agents.neighbours import Neighbourhood
from evonas.agents.randomness import Purpose, uniforms
from evonas.agents.sources import Drafts
from evonas.space import SearchSpace


class ImaginedEvolution:
    """A ``Source`` whose drafts are the most promising candidates it bred, best first."""

    def __init__(
        self,
        space: SearchSpace,
        first: Sequence[Breeding],
        judge: Callable[[int], Beliefs],
        history: History,
        seed: int,
        *,
        generations: int,
        exploration: float,
    ) -> None:
        """Take what breeds the first generation, and what says for a proposal's index what is believed then."""
        self._neighbourhood = Neighbourhood(space)
        self._decisions = len(space)
        self._first = first
        self._judge = judge
        self._history = history
        self._seed = seed
        self._later = generations - 1
        self._exploration = exploration

    def draw(self, index: int) -> Drafts:
        """Breed the candidates for proposal ``index``; somebody has parents."""
        judgement = self._judge(index)
        pool = Pool(self._neighbourhood, judgement)
        for source in self._first:
            if source.has_parents:
                drafts = source.draw(index)
                pool.add(drafts.drawing, drafts.parents)
        values = uniforms(self._seed, Purpose.BREEDERS, index, (self._later, self._decisions))
        for generation, numbers in enumerate(values):
            if not pool.breed(numbers, partial(self._selection, index, generation)):
                break
        drawing, parents = pool.finalists(self._history)
        assessment = judgement.assess(drawing.choices, self._exploration_of(index))
        order = np.argsort(-assessment.promise, kind="stable")
        drawing = drawing.take(order)
        owed = partial(judgement.owed, drawing.choices)
        by_objective = None if assessment.values is None else assessment.values[order]
        return Drafts(drawing, parents[order], "mutation", len(pool), assessment.worth[order], by_objective, owed)

    def _selection(self, index: int, generation: int, count: int) -> NDArray[np.float64]:
        numbers: NDArray[np.float64] = uniforms(self._seed, Purpose.CHILDREN, index, (self._later, count))[generation]
        return numbers

    def _exploration_of(self, index: int) -> float:
        """Return the proposal's number of standard deviations: exponentially distributed."""
        return -self._exploration * math.log1p(-float(uniforms(self._seed, Purpose.EXPLORATION, index, (1,))[0]))
