"""What the critic remembers: a bounded number of results, the best half and the latest, each in a slot of its own."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from evonas.space import Choices


class Memory:
    """Results by slot. A full memory forgets the oldest result that is not among the better half."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._choices: list[Choices] = []
        self._rewards: list[float] = []
        self._ages: list[int] = []
        self._changed: set[int] = set()
        self.added = 0
        """How many results were added, forgotten ones included."""

    def __len__(self) -> int:
        return len(self._choices)

    def choices(self, slots: Iterable[int] | None = None) -> NDArray[np.int64]:
        """Return the candidates in ``slots``, by default in all: [slots, decisions]."""
        return np.array(self._choices if slots is None else [self._choices[slot] for slot in slots])

    @property
    def rewards(self) -> NDArray[np.float64]:
        """[slots]; minus infinity for infeasible candidates."""
        return np.array(self._rewards)

    def add(self, choices: Choices, reward: float) -> None:
        """Remember a result."""
        if len(self) < self._capacity:
            slot = len(self)
            self._choices.append(choices)
            self._rewards.append(reward)
            self._ages.append(self.added)
        else:
            slot = self._forgettable()
            self._choices[slot], self._rewards[slot], self._ages[slot] = choices, reward, self.added
        self._changed.add(slot)
        self.added += 1

    def take_changed(self) -> list[int]:
        """Return the slots that changed since the last call."""
        changed = sorted(self._changed)
        self._changed.clear()
        return changed

    def mark_all_changed(self) -> None:
        """Have the next ``take_changed`` return every slot."""
        self._changed.update(range(len(self)))

    def _forgettable(self) -> int:
        worse = np.argsort(self._rewards, kind="stable")[: (len(self) + 1) // 2]
        ages = np.array(self._ages)
        return int(worse[ages[worse].argmin()])
