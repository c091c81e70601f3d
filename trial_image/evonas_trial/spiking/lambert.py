"""The principal branch of the Lambert W function in the range that a neuron's threshold crossing needs: -1/e to 0.

torch has no such function, and SciPy's does not work on tensors; the tests compare the two.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Coefficients of W0 in powers of sqrt(2 (e z + 1)) around the branch point (Corless et al., 1996, equation 4.22).
_BRANCH_SERIES = (-1.0, 1.0, -1 / 3, 11 / 72, -43 / 540, 769 / 17280, -221 / 8505)
# Up to here the series is exact in double precision; there Halley's step would divide zero by zero.
_BRANCH_RADIUS = 3e-3
_NEAR_ZERO = -0.2
_HALLEY_STEPS = 3


def lambert_w0(z: Tensor) -> Tensor:
    """Return W in [-1, 0] with W exp(W) = z, elementwise for z in [-1/e, 0]; z below -1/e counts as -1/e."""
    distance = (math.e * z).add_(1).mul_(2).clamp_(min=0).sqrt_()
    *lower, highest = _BRANCH_SERIES
    series = distance * highest
    for coefficient in reversed(lower[1:]):
        series.add_(coefficient).mul_(distance)
    series.add_(lower[0])
    # A Padé approximant of W0 at 0.
    near_zero = (z * (4 / 3)).add_(1).mul_(z).div_((z * (5 / 6)).add_(7 / 3).mul_(z).add_(1))
    estimate = torch.where(z > _NEAR_ZERO, near_zero, series)
    for _ in range(_HALLEY_STEPS):
        estimate = _halley(estimate, z)
    return torch.where(distance < _BRANCH_RADIUS, series, estimate)


def _halley(w: Tensor, z: Tensor) -> Tensor:
    # f' - f f'' / (2 f') and f / that, up to exp(W), with as few calls of torch as there can be.
    exponential, above = w.exp(), w + 1
    error = (w * exponential).sub_(z)
    slope = exponential.mul_(above).addcdiv_((w + 2).mul_(error), above, value=-0.5)
    return torch.addcdiv(w, error, slope, value=-1)
