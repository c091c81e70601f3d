"""Brings numbers near one by a power of two, which changes no bit of what is computed of them: squares and sums of the
largest floats are none.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def scaled(values: Floats) -> tuple[Floats, int]:
    """Return finite numbers from -1 to 1, and the exponent of what they were divided by."""
    _, exponent = np.frexp(np.abs(values).max(initial=0))
    return np.ldexp(values, -int(exponent)), int(exponent)


def unscaled(values: Floats, exponent: int) -> list[float]:
    """Return numbers as they were; the largest float where one is more than a float holds."""
    with np.errstate(over="ignore"):
        found: list[float] = np.clip(np.ldexp(values, exponent), -sys.float_info.max, sys.float_info.max).tolist()
    return found
