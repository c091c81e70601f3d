"""What the network computes with, below ``reading`` and ``recurrent``: PyTorch when it proposes, NumPy when a record is
looked back on. Importing PyTorch takes longer than all of a report; what differs is rounding.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evonas.agents.neural.weights import Floats

BLOCK = 64
"""Rows that NumPy multiplies at once: few enough for it not to wake a second thread, which would then busy-wait."""


class Operations(Protocol):
    """Those that two libraries have."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep operations on much data on one thread meanwhile; must not be nested."""

    def multiply(self, left: Floats, right: Floats) -> Floats:
        """Multiply two matrices."""

    def multiply_each(self, left: Floats, right: Floats) -> Floats:
        """Multiply as many matrices by as many others."""

    def sigmoid(self, numbers: Floats) -> None:
        """Overwrite the numbers with their sigmoids."""

    def add_rows(self, total: Floats, rows: NDArray[np.int64], more: Floats) -> None:
        """Add vectors to those rows of an array."""


class NumpyOperations:
    """Without PyTorch."""

    def alone(self) -> AbstractContextManager[None]:
        """As ``Operations.alone``."""
        return nullcontext()

    def multiply(self, left: Floats, right: Floats) -> Floats:
        """As ``Operations.multiply``."""
        whole = len(left) // BLOCK * BLOCK
        product = np.empty((len(left), right.shape[1]))
        np.matmul(
            left[:whole].reshape(-1, BLOCK, left.shape[1]),
            right,
            out=product[:whole].reshape(-1, BLOCK, right.shape[1]),
        )
        np.matmul(left[whole:], right, out=product[whole:])
        return product

    def multiply_each(self, left: Floats, right: Floats) -> Floats:
        """As ``Operations.multiply_each``."""
        product: Floats = np.matmul(left, right)
        return product

    def sigmoid(self, numbers: Floats) -> None:
        """As ``Operations.sigmoid``."""
        # The half of 1 + tanh(x / 2): nothing overflows.
        numbers *= 0.5
        np.tanh(numbers, out=numbers)
        numbers += 1
        numbers *= 0.5

    def add_rows(self, total: Floats, rows: NDArray[np.int64], more: Floats) -> None:
        """As ``Operations.add_rows``."""
        units = total.shape[-1]
        np.add.at(total.reshape(-1, units), rows.ravel(), more.reshape(-1, units))
