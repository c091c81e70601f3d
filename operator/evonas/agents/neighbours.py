"""The neighbours of a candidate: those that differ from it in one decision. ``critic.pool`` searches among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.agents.policy import UniformPolicy
from evonas.agents.sources import Drawing, sample
from evonas.space import INACTIVE, Choices, SearchSpace


@dataclass(frozen=True)
class Changes:
    """Children of one parent that differ from it in one decision each; the same decisions exist for all."""

    parent: Drawing
    """A single row."""
    positions: NDArray[np.int64]
    """[children]"""
    values: NDArray[np.int64]
    """[children]"""

    def __len__(self) -> int:
        return len(self.positions)

    def among(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Changes:
        """Return some of them."""
        return Changes(self.parent, self.positions[rows], self.values[rows])

    def take(self, rows: NDArray[np.int64]) -> Drawing:
        """Return some of the children."""
        where = np.arange(len(rows)), self.positions[rows]
        children = self.parent.take(np.zeros(len(rows), np.int64))
        children.choices[where], children.drawn[where], children.gains[where] = self.values[rows], True, 0
        return children

    def candidate(self, row: int) -> Choices:
        """Return one of the children."""
        choices = self.parent.choices[0].tolist()
        choices[self.positions[row]] = int(self.values[row])
        return tuple(choices)


class Neighbourhood:
    """Finds the neighbours of the candidates of a space."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        others = np.array(space.cardinalities) - 1
        self._positions = np.repeat(np.arange(len(space)), others)
        self._sizes = np.array(space.cardinalities)[self._positions]
        self._steps = 1 + np.arange(len(self._positions)) - np.repeat(np.cumsum(others) - others, others)
        self._deciding = np.isin(self._positions, space.deciding_positions)

    def changes(self, parent: Drawing) -> tuple[Changes, NDArray[np.bool_]]:
        """Return every other value that a candidate, the only row, could have in one decision, and which of these
        changes other decisions depend on.
        """
        choices = parent.choices[0]
        before = choices[self._positions]
        changes = Changes(parent, self._positions, (before + self._steps) % self._sizes)
        if not self._space.conditional_positions:
            return changes, self._deciding
        exists = before != INACTIVE
        return changes.among(exists), self._deciding[exists]

    def completed(self, changes: Changes, numbers: NDArray[np.float64]) -> Drawing:
        """Return children of which a value has changed that others depend on, with the decisions that then exist, and
        no others. What is missing is drawn uniformly by ``numbers``, [decisions], each in [0, 1).
        """
        children = changes.take(np.arange(len(changes)))
        kept = np.zeros(children.choices.shape, bool)
        thrown = np.broadcast_to(numbers, kept.shape)
        drawing = sample(self._space, UniformPolicy(self._space), children.choices, kept, thrown)
        exists = drawing.choices != INACTIVE
        drawn = drawing.drawn | (children.drawn & exists)
        return Drawing(drawing.choices, drawn, np.where(exists, children.gains, 0.0))
