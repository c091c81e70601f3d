"""The network's operations in PyTorch, in float64 and on NumPy's memory. Imports PyTorch."""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.agents.neural.weights import Floats
from evonas.agents.torch_threads import single_threaded


class TorchOperations:
    """With PyTorch."""

    def alone(self) -> AbstractContextManager[None]:
        """As ``Operations.alone``."""
        return single_threaded()

    def multiply(self, left: Floats, right: Floats) -> Floats:
        """As ``Operations.multiply``."""
        # NumPy would wake a second thread for large ones, which then busy-waits and occupies a core.
        product: Floats = torch.mm(torch.from_numpy(left), torch.from_numpy(right)).numpy()
        return product

    def multiply_each(self, left: Floats, right: Floats) -> Floats:
        """As ``Operations.multiply_each``."""
        product: Floats = torch.bmm(torch.from_numpy(left), torch.from_numpy(right)).numpy()
        return product

    def sigmoid(self, numbers: Floats) -> None:
        """As ``Operations.sigmoid``."""
        # NumPy has none, and its tanh takes several times as long.
        torch.from_numpy(numbers).sigmoid_()

    def add_rows(self, total: Floats, rows: NDArray[np.int64], more: Floats) -> None:
        """As ``Operations.add_rows``."""
        flat, units = torch.from_numpy(total).view(-1, total.shape[-1]), more.shape[-1]
        flat.index_add_(0, torch.from_numpy(rows.ravel()), torch.from_numpy(more.reshape(-1, units)))
