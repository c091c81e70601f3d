"""The optimiser of the published spiking network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Adam with its epsilon inside the square root, so that steps shrink where gradients are below 1e-4.

    torch.optim.Adam adds it to the root, where 1e-8 does nothing at the scale of these gradients.
    """

    def __init__(self, *groups: tuple[Iterable[Tensor], float]) -> None:
        """Take groups of parameters, each with its learning rate."""
        self._parameters = [(parameter, rate) for group, rate in groups for parameter in group]
        self._moments = [(torch.zeros_like(one), torch.zeros_like(one)) for one, _ in self._parameters]
        self._steps = 0

    def state_dict(self) -> dict[str, Any]:
        """Return what ``load_state_dict`` takes: the moments and the number of steps."""
        return {"moments": self._moments, "steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from that state, for the same parameters."""
        self._moments, self._steps = state["moments"], state["steps"]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter, _ in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient."""
        self._steps += 1
        first, second = (1 - decay**self._steps for decay in (FIRST, SECOND))
        for (parameter, rate), (mean, square) in zip(self._parameters, self._moments, strict=True):
            if parameter.grad is None:
                continue
            mean.lerp_(parameter.grad, 1 - FIRST)
            square.mul_(SECOND).addcmul_(parameter.grad, parameter.grad, value=1 - SECOND)
            # sqrt(square / second + epsilon), with one division less.
            scale = (square + EPSILON * second).sqrt_()
            parameter.addcdiv_(mean, scale, value=-rate * math.sqrt(second) / first)
