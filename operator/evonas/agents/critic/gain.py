"""What candidates would add to a front, in any number of objectives. Imports no PyTorch.

A hypervolume is how far the best of its points reach along a direction, to the power of the number of objectives, on
average over all directions (the hypervolume scalarisation, Zhang & Golovin 2020, arXiv 2006.04655). So what a point
adds is by how much it surpasses the front along each direction, and one that adds nothing still has a direction in
which it lacks least.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from evonas.agents.critic.judgement import Floats

DIRECTIONS = 64
"""Along how many the gain is measured."""
BEYOND = 0.1
"""How far below its worst values the front's hypervolume begins, relative to its extent: so its ends count, too
(Ishibuchi et al. 2018)."""
LEAST_EXTENT = 1e-3
"""Of a front in one objective, in normal scores: of a single point, or where all are equal."""
LEAST_VOLUME = 1e-6
"""That a gain is relative to, before there is any."""
LEAST_COMPONENT = 1e-6
"""Of a direction: along an axis, nothing would be reached."""


class Gain:
    """Measures what points would add to a front."""

    def __init__(self, front: Floats, numbers: NDArray[np.float64], references: Floats) -> None:
        """``front`` is [members, objectives], at least one; ``numbers``, [directions, objectives], say along which
        directions the gain is measured: they are uniform in [0, 1). ``references``, [objectives], are where the
        hypervolume begins, minus infinity where that is not given: what is worse adds nothing.
        """
        within = front[(front >= references).all(axis=1)]
        known = within if len(within) else front
        best, worst = known.max(axis=0), known.min(axis=0)
        extent = np.maximum(best - worst, LEAST_EXTENT)
        self._reference = np.where(np.isfinite(references), references, worst - BEYOND * extent)
        self._heights = np.maximum(best - self._reference, extent)
        self._directions = find_directions(numbers)
        self._reached = self._along(within).max(axis=0, initial=0.0)
        self._volume = max(float((self._reached ** front.shape[1]).mean()), LEAST_VOLUME)

    def of(self, points: Floats) -> Floats:
        """Return for each of [points, objectives] by which share the hypervolume would grow; if it would not, by how
        much the point misses the front in the direction in which it lacks least, below zero.
        """
        along, objectives = self._along(points), points.shape[1]
        more = np.maximum(along, 0) ** objectives - self._reached**objectives
        grown = np.maximum(more, 0).mean(axis=1) / self._volume
        found: Floats = np.where(grown > 0, grown, np.minimum((along - self._reached).max(axis=1), 0))
        return found

    def _along(self, points: Floats) -> Floats:
        """Return how far points reach along each direction: [points, directions]."""
        heights = (points - self._reference) / self._heights
        found = heights[:, :1] / self._directions[:, 0]
        for place in range(1, heights.shape[1]):
            np.minimum(found, heights[:, place, None] / self._directions[:, place], out=found)
        return found


def find_directions(numbers: NDArray[np.float64]) -> Floats:
    """Return [directions, objectives]: vectors of length 1 without negative components, uniformly distributed; of two
    objectives in equal parts of the quarter circle, a random one in each.
    """
    count, objectives = numbers.shape
    if objectives == 2:
        angles = (np.arange(count) + numbers[:, 0]) / count * np.pi / 2
        vectors = np.column_stack([np.cos(angles), np.sin(angles)])
    else:
        # The direction of independent normal deviates.
        tails = ((1 - numbers) / 2).ravel().tolist()
        vectors = np.array([-NormalDist().inv_cdf(tail) for tail in tails]).reshape(numbers.shape)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), LEAST_COMPONENT)
    directions: Floats = np.maximum(vectors, LEAST_COMPONENT)
    return directions
