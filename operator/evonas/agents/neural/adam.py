"""Adam, bit for bit as ``torch.optim.Adam`` computes it, without that class's imports.

Creating that class imports torch's compiler, which costs seconds before a search's first proposal and 170 MB that the
operator would never release. The function that it calls for each step does not; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam


class Adam:
    """Weights, a learning rate, and the moments of their gradients."""

    def __init__(self, weights: Iterable[Tensor], learning_rate: float) -> None:
        self._learning_rate = learning_rate
        self._kept = [(each, torch.zeros_like(each), torch.zeros_like(each), torch.zeros(())) for each in weights]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weights, *_ in self._kept:
            weights.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change every weight that has a gradient."""
        ready = [(weights, weights.grad, *moments) for weights, *moments in self._kept if weights.grad is not None]
        if not ready:
            return
        weights, gradients, means, squares, steps = map(list, zip(*ready, strict=True))
        adam(
            weights,
            gradients,
            means,
            squares,
            [],
            steps,
            lr=self._learning_rate,
            beta1=0.9,
            beta2=0.999,
            eps=1e-8,
            weight_decay=0.0,
            amsgrad=False,
            maximize=False,
        )
