"""What results are worth to a critic: what its process is fitted to. Imports no PyTorch.

With one objective these are the normal scores of ranks, to which neither a unit nor an outlier matters. With several,
a candidate gains by how far it is ahead of others, which ranks do not tell, so they are the values themselves: from a
mean of 0, in standard deviations. Those far below the median are all taken for equally bad, or a few of them would be
all that the deviation tells of.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DEPTH = 2.0
"""How far below the median the least value is, in distances from there to the best."""


@dataclass(frozen=True)
class Scale:
    """A scale for the values of an objective, whatever their unit."""

    least: float
    """What is worse counts as this."""
    most: float
    """What is better counts as this: far beyond every result, as a reference may be."""
    mean: float
    deviation: float

    def scores(self, values: Floats) -> Floats:
        """Return [values], minus infinity being the worst there is."""
        scores: Floats = (np.clip(values, self.least, self.most) - self.mean) / self.deviation
        return scores


def find_scale(values: Floats) -> Scale | None:
    """Return the scale of [results], minus infinity for infeasible candidates; None if half of the rest or more have
    the best value, or they differ by more than there are numbers for: ranks tell more.
    """
    feasible = values[np.isfinite(values)].tolist()
    if not feasible:
        return None
    median, best = statistics.median(feasible), max(feasible)
    least = median - DEPTH * (best - median)
    extent = best - least
    if not (best > median and math.isfinite(best + extent)):
        return None
    heights = [(value - least) / extent for value in np.maximum(values, least).tolist()]
    # Sums that do not depend on the order of what is added, which is another one in a restored agent.
    mean = math.fsum(heights) / len(heights)
    deviation = math.sqrt(math.fsum((height - mean) ** 2 for height in heights) / len(heights))
    scale = Scale(least, best + extent, least + mean * extent, deviation * extent)
    return scale if scale.deviation > 0 else None
