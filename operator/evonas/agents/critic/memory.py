"""The critic's memory: a bounded number of results, the better half and the latest, in order of age."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evonas.space import Choices

BLOCK = 32
"""A full memory forgets after this many results; until then it grows, which costs the critic less than replacing
each."""


class Memory:
    """Results in order. Every BLOCK results, a full memory forgets the oldest of those outside the better half."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._choices: list[Choices] = []
        self._rewards: list[float] = []
        self.added = 0
        """How many results were added, including forgotten ones."""
        self.settled = 0
        """How many of the results were already there when it last had a chance to forget."""

    def __len__(self) -> int:
        return len(self._choices)

    def choices(self, first: int = 0, last: int | None = None) -> NDArray[np.int64]:
        """Return candidates, by default all: [results, decisions]."""
        return np.array(self._choices[first:last])

    @property
    def rewards(self) -> NDArray[np.float64]:
        """[results]; minus infinity for infeasible candidates."""
        return np.array(self._rewards)

    @property
    def blocks(self) -> int:
        """How often it had a chance to forget: as long as this stays the same, so do the settled results."""
        return self.added // BLOCK

    def add(self, choices: Choices, reward: float) -> None:
        """Remember a result."""
        self._choices.append(choices)
        self._rewards.append(reward)
        self.added += 1
        if self.added % BLOCK == 0:
            self._forget()
            self.settled = len(self)

    def _forget(self) -> None:
        while len(self) > self._capacity:
            worse = np.argsort(self._rewards, kind="stable")[: (len(self) + 1) // 2]
            oldest = int(worse.min())
            del self._choices[oldest], self._rewards[oldest]
