"""The network's weights: one vector, so that an optimizer moves them all at once, and views of its parts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EMBEDDING_SIZE = 16
"""Numbers that stand for one (decision, value) pair."""
GATES = 4
"""What enters the cell, what stays in it, the change itself, what leaves it: the order of ``torch.nn.LSTM``."""

Floats = NDArray[np.float64]


class Parts(NamedTuple):
    """Views of the weights, or of their gradient; those of the LSTM are as ``torch.nn.LSTM`` names and orders them."""

    from_input: Floats
    """[gates x units, embedding]"""
    from_hidden: Floats
    """[gates x units, units]"""
    input_bias: Floats
    """[gates x units]"""
    hidden_bias: Floats
    """[gates x units]"""
    embedding: Floats
    """[tokens, embedding]"""
    head: Floats
    """[decisions, values, units]"""
    bias: Floats
    """[decisions, values]"""


@dataclass(frozen=True)
class Layout:
    """Where each part is."""

    decisions: int
    values: int
    """Of the decision with the most."""
    units: int

    @property
    def size(self) -> int:
        """How many weights there are."""
        return sum(map(math.prod, self._shapes))

    def parts(self, weights: Floats) -> Parts:
        """Return views of the vector."""
        ends = np.cumsum([math.prod(shape) for shape in self._shapes])
        pieces = np.split(weights, ends[:-1])
        return Parts(*(piece.reshape(shape) for piece, shape in zip(pieces, self._shapes, strict=True)))

    @property
    def _shapes(self) -> tuple[tuple[int, ...], ...]:
        gates, tokens = GATES * self.units, self.decisions * self.values + 1
        heads = self.decisions, self.values
        return (
            (gates, EMBEDDING_SIZE),
            (gates, self.units),
            (gates,),
            (gates,),
            (tokens, EMBEDDING_SIZE),
            (*heads, self.units),
            heads,
        )
