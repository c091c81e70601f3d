"""Priority Queue Training (Abolafia et al., arXiv 1801.03526): imitate the best candidates so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.agents.neural.objective import Climber, Objective
from evonas.agents.policy import Observation
from evonas.agents.rewards import Values
from evonas.domination import order
from evonas.space import Choices

ENTROPY_WEIGHT = 0.5
"""Default weight of the mean summed head entropy, against 1 for the mean log-probability."""
UNAIDED_ENTROPY_WEIGHT = 0.1
"""The same for a network that makes whole candidates on its own: it has to commit itself sooner."""


@dataclass(frozen=True)
class _Item:
    choices: Choices
    values: Values
    stopped_at: float
    """The step; infinity for one that was not stopped."""


class BestQueue:
    """The best distinct candidates; a repeated one keeps its first reward, and among equals the older ones stay. Those
    that were stopped come after all that were not: by the step that they had reached, then by their value there.
    Several values are compared by rank and crowding, as in NSGA-II (Deb et al. 2002).
    """

    def __init__(self, capacity: int, references: Values = ()) -> None:
        """``references`` are the worst values that are worth anything, minus infinity where there is none."""
        self._capacity = capacity
        self._references = references
        self._items: list[_Item] = []

    def add(self, choices: Choices, values: Values, stopped_at: float = math.inf) -> None:
        """Add a result if it is good enough."""
        if all(choices != item.choices for item in self._items):
            items = [*self._items, _Item(choices, values, stopped_at)]
            self._items = _best_first(items, self._references)[: self._capacity]

    def discard(self, choices: Choices) -> None:
        """Remove a candidate, if it is there."""
        self._items = [item for item in self._items if item.choices != choices]

    @property
    def candidates(self) -> list[Choices]:
        """The candidates, best first."""
        return [item.choices for item in self._items]


def _best_first(items: Sequence[_Item], references: Values) -> list[_Item]:
    if len(items[0].values) == 1:
        return sorted(items, key=lambda item: (-item.stopped_at, -item.values[0]))
    found: list[_Item] = []
    for step in sorted({item.stopped_at for item in items}, reverse=True):
        alike = [item for item in items if item.stopped_at == step]
        found += (alike[place] for place in order(np.array([item.values for item in alike]), references).tolist())
    return found


def imitate(
    climber: Climber, candidates: NDArray[np.int64], steps: int, entropy_weight: float = ENTROPY_WEIGHT
) -> None:
    """Take some steps towards [candidates, decisions]."""
    mean = np.full(candidates.shape, 1 / len(candidates))
    objective = Objective(mean, entropy_weight * mean)
    for _ in range(steps):
        climber.step(candidates, objective)


class PriorityQueueTraining:
    """After every ``interval`` feasible results, once there are ``warmup``, one step towards the queue's candidates.

    An infeasible candidate changes nothing: PQT can only raise likelihoods, and it is never proposed again anyway. One
    that goes on after it was put aside is one candidate, and several results; so is one that was trained again, which
    is then worth the mean of its rewards.
    """

    def __init__(
        self,
        climber: Climber,
        warmup: int,
        queue_size: int,
        entropy_weight: float,
        interval: int = 1,
        references: Values = (),
    ) -> None:
        self._climber = climber
        self._interval = interval
        self._warmup = warmup
        self._entropy_weight = entropy_weight
        self._queue = BestQueue(queue_size, references)
        self._candidates = 0
        self._results = 0

    def observe(self, observation: Observation) -> None:
        """Process one observation, and train if there are enough."""
        is_new = not observation.again and observation.repeats is None
        mean = None if observation.mean is None else (observation.mean,)
        worth = observation.values if observation.repeats is None else mean
        if observation.again or observation.mean is not None:
            self._queue.discard(observation.choices)
        if worth is None:
            return
        self._candidates += is_new
        self._results += 1
        stopped_at = observation.curve()[-1][0] if observation.stopped else math.inf
        self._queue.add(observation.choices, worth, stopped_at)
        if self._candidates >= self._warmup and self._results % self._interval == 0:
            imitate(self._climber, np.array(self._queue.candidates), 1, self._entropy_weight)

    @property
    def entropy(self) -> float:
        """As ``Agent.entropy``."""
        return self._climber.entropy
