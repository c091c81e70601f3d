"""The critic's memory: a bounded number of results, the better half and the latest, in order of age. A trial that was
stopped at a rung is a result, too, and as good as it is expected to have become. Several objectives have one memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evonas.agents.curves import Curve, outlook
from evonas.agents.rewards import Values
from evonas.domination import order
from evonas.space import Choices

BLOCK = 32
"""A full memory forgets after this many results; until then it grows, which costs the critic less than replacing
each."""


class Memory:
    """Results in order. Every BLOCK results, a full memory forgets the oldest of those outside the better half."""

    def __init__(self, capacity: int, decisions: int, objectives: int = 1) -> None:
        self._capacity = capacity
        self._decisions = decisions
        self._indexes: list[int] = []
        self._choices: list[Choices] = []
        # A list for each objective.
        self._finals: list[list[float]] = [[] for _ in range(objectives)]
        self._curves: list[list[Curve]] = [[] for _ in range(objectives)]
        self.added = 0
        """How many results were added, including forgotten ones."""
        self.settled = 0
        """How many of the results were already there when it last had a reason to forget."""
        self.version = 0
        """As long as this stays the same, so do the settled results, and others are only added."""

    def __len__(self) -> int:
        return len(self._choices)

    def choices(self, first: int = 0, last: int | None = None) -> NDArray[np.int64]:
        """Return candidates, by default all: [results, decisions]."""
        return np.array(self._choices[first:last], dtype=np.int64).reshape(-1, self._decisions)

    def finals(self, objective: int = 0) -> NDArray[np.float64]:
        """Return [results]: values of an objective; minus infinity for infeasible candidates, NaN for stopped ones."""
        return np.array(self._finals[objective])

    def curves(self, objective: int = 0) -> list[Curve]:
        """Return [results]: the values of an objective at rungs."""
        return self._curves[objective].copy()

    def add(
        self, index: int, choices: Choices, finals: Values, curves: tuple[Curve, ...] = (), *, again: bool = False
    ) -> None:
        """Remember a result of a proposal; if there was one before, ``again``, forget that one."""
        replaces = again and index in self._indexes
        if replaces:
            self._remove(self._indexes.index(index))
        self._indexes.append(index)
        self._choices.append(choices)
        for objective, final in enumerate(finals):
            self._finals[objective].append(final)
            self._curves[objective].append(curves[objective] if curves else ())
        self.added += 1
        ends_block = self.added % BLOCK == 0
        if ends_block:
            self._forget()
        if ends_block or replaces:
            self.settled = len(self)
            self.version += 1

    def _forget(self) -> None:
        if len(self._finals) > 1:
            best_first = order(np.column_stack([self._worth(each) for each in range(len(self._finals))]))
            worse = np.sort(best_first[len(self) // 2 :])[: max(0, len(self) - self._capacity)]
            for place in reversed(worse.tolist()):
                self._remove(place)
            return
        while len(self) > self._capacity:
            worst_first = np.argsort(self._worth(0), kind="stable")
            self._remove(int(worst_first[: (len(self) + 1) // 2].min()))

    def _worth(self, objective: int) -> NDArray[np.float64]:
        finals = self.finals(objective)
        return outlook(self.curves(objective), finals).expected if any(self._curves[objective]) else finals

    def _remove(self, place: int) -> None:
        del self._indexes[place], self._choices[place]
        for finals, curves in zip(self._finals, self._curves, strict=True):
            del finals[place], curves[place]
