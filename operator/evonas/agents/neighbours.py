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


def single_changes(space: SearchSpace, parent: Drawing) -> Changes:
    """Return every other value that a candidate, the only row, could have in one decision."""
    cardinalities, choices = np.array(space.cardinalities), parent.choices[0]
    others = np.where(choices == INACTIVE, 0, cardinalities - 1)
    positions = np.repeat(np.arange(len(space)), others)
    steps = 1 + np.arange(len(positions)) - np.repeat(np.cumsum(others) - others, others)
    return Changes(parent, positions, (choices[positions] + steps) % cardinalities[positions])


def completed(space: SearchSpace, children: Drawing, numbers: NDArray[np.float64]) -> Drawing:
    """Return children of which a value has changed that others depend on, with the decisions that then exist, and no
    others. What is missing is drawn uniformly by ``numbers``, [decisions], each in [0, 1).
    """
    kept = np.zeros(children.choices.shape, bool)
    thrown = np.broadcast_to(numbers, kept.shape)
    drawing = sample(space, UniformPolicy(space), children.choices, kept, thrown)
    exists = drawing.choices != INACTIVE
    return Drawing(drawing.choices, drawing.drawn | children.drawn & exists, np.where(exists, children.gains, 0.0))
