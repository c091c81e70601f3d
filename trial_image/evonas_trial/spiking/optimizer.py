"""The optimiser of the published spiking network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor

FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8

_STEPS_CORRECTED = 40_000
"""From here on, powers of both decays are lost in the rounding of a double."""


class Adam:
    """Adam with its epsilon inside the square root, so that steps shrink where gradients are below 1e-4.

    torch.optim.Adam adds it to the root, where 1e-8 does nothing at the scale of these gradients. What depends on the
    number of steps is looked up on the device, so that a step can be recorded as a CUDA graph. The moments of all
    parameters are one vector each: a GPU waits for each operation, not for its size.
    """

    def __init__(self, *groups: tuple[Iterable[Tensor], float]) -> None:
        """Take groups of parameters, each with its learning rate."""
        self._groups = [list(group) for group, _ in groups]
        self.parameters = list(chain.from_iterable(self._groups))
        """All that is trained."""
        self._sizes = [sum(one.numel() for one in group) for group in self._groups]
        self._mean = torch.cat([torch.zeros_like(one).flatten() for one in self.parameters])
        self._square = torch.zeros_like(self._mean)
        self._steps = torch.zeros(1, dtype=torch.int64, device=self._mean.device)
        self._factors = _factors([rate for _, rate in groups]).to(self._mean)

    def state_dict(self) -> dict[str, Any]:
        """Return what ``load_state_dict`` takes: the moments and the number of steps."""
        return {"mean": self._mean, "square": self._square, "steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Resume from that state, for the same parameters."""
        for own, name in ((self._mean, "mean"), (self._square, "square"), (self._steps, "steps")):
            own.copy_(state[name])

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], wanted: Tensor | None = None) -> None:
        """Change every parameter along its gradient, unless ``wanted`` is a false value on the device."""
        gradient = torch.cat([one.flatten() for one in gradients])
        if wanted is None:
            row = self._steps.add_(1)
        else:
            row = self._steps.add_(wanted) * wanted
            # What is not wanted may be NaN.
            gradient.masked_fill_(~wanted, 0)
        factors = self._factors.index_select(0, row.clamp(max=_STEPS_CORRECTED)).squeeze(0)
        share, decay, epsilon, *rates = factors.unbind()
        self._mean.lerp_(gradient, share)
        self._square.mul_(decay).addcmul_(gradient, gradient, value=1 - SECOND)
        # sqrt(square / second + epsilon), with one division less.
        scale = (self._square + epsilon).sqrt_()
        means, roots = (torch.split(tensor, self._sizes) for tensor in (self._mean, scale))
        for group, rate, mean, root in zip(self._groups, rates, means, roots, strict=True):
            counts = [one.numel() for one in group]
            changes, own_roots = (torch.split(tensor, counts) for tensor in (mean * rate, root))
            for parameter, change, own in zip(group, changes, own_roots, strict=True):
                parameter.addcdiv_(change.view_as(parameter), own.view_as(parameter))


def _factors(rates: Sequence[float]) -> Tensor:
    """Return a row for each number of steps: the gradient's share of the mean, the square's decay, the epsilon, and
    each group's rate. The first row changes nothing.
    """
    # Powers and roots by Python: those of torch differ in the last digit.
    firsts, seconds = ([1 - decay**steps for steps in range(1, _STEPS_CORRECTED + 1)] for decay in (FIRST, SECOND))
    roots = torch.tensor([math.sqrt(second) for second in seconds], dtype=torch.float64)
    first, second = (torch.tensor(corrections, dtype=torch.float64) for corrections in (firsts, seconds))
    corrected = [EPSILON * second, *(-rate * roots / first for rate in rates)]
    constant = torch.tensor([1 - FIRST, SECOND], dtype=torch.float64).expand(_STEPS_CORRECTED, 2)
    rows = torch.cat([constant, torch.stack(corrected, dim=1)], dim=1)
    unchanged = torch.tensor([[0, 1, EPSILON, *(0 for _ in rates)]], dtype=torch.float64)
    return torch.cat([unchanged, rows])
