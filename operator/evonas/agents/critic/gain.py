"""What candidates are expected to add to a front, in any number of objectives. Imports no PyTorch.

A hypervolume is how far the best of its points reach along a direction, to the power of the number of objectives, on
average over all directions (the hypervolume scalarisation, Zhang & Golovin 2020, arXiv 2006.04655). So what a point
adds is by how much it surpasses the front along each direction. Of a candidate, whose values are not known, it is the
mean over what they may be: the expected hypervolume improvement (Emmerich et al. 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from evonas.agents.critic.scores import Floats

DIRECTIONS = 64
"""Along how many the gain is measured; along half of them where many candidates are compared roughly."""
SAMPLES = 32
"""How many values a candidate may have."""
FEW_SAMPLES = 4
"""The same where many candidates are compared roughly."""
NUMBERS = DIRECTIONS + SAMPLES + FEW_SAMPLES
"""How many random numbers the gain is measured with, for each objective."""
BEYOND = 0.5
"""How far below its worst values the front's hypervolume begins, relative to its extent: so its ends count, too, and
what would extend them."""
LEAST_EXTENT = 1e-3
"""Of a front in one objective, in standard deviations: of a single point, or where all are equal."""
LEAST_VOLUME = 1e-6
"""That a gain is relative to, before there is any."""
LEAST_COMPONENT = 1e-6
"""Of a direction: along an axis, nothing would be reached."""


@dataclass(frozen=True)
class Spread:
    """What the values of a candidate may be, in standard deviations from what is expected."""

    deviates: Floats
    """[samples, objectives]"""
    directions: Floats
    """[directions, objectives]: along which these are compared with the front."""
    reached: Floats
    """[directions]: how far the front reaches."""


@dataclass(frozen=True)
class Limit:
    """What may be the best that there is in an objective: the more results have the best value, the less is to be
    expected beyond it. A metric such as a number of layers has a best value, which many candidates share.
    """

    best: float
    count: int
    """How many results have it."""


class Gain:
    """Measures what candidates would add to a front."""

    def __init__(
        self, front: Floats, numbers: NDArray[np.float64], references: Floats, limits: Sequence[Limit] = ()
    ) -> None:
        """``front`` is [members, objectives], at least one; ``numbers`` are [NUMBERS, objectives], uniform in [0, 1).
        ``references``, [objectives], are where the hypervolume begins, minus infinity where that is not given: what is
        worse adds nothing. ``limits`` are those of the objectives, if they have any.
        """
        self._limits = limits
        within = front[(front >= references).all(axis=1)]
        known = within if len(within) else front
        best, worst = known.max(axis=0), known.min(axis=0)
        extent = np.maximum(best - worst, LEAST_EXTENT)
        self._reference = np.where(np.isfinite(references), references, worst - BEYOND * extent)
        self._heights = np.maximum(best - self._reference, extent)
        directions = find_directions(numbers[:DIRECTIONS])
        reached = self._along(within, directions).max(axis=0, initial=0.0)
        deviates = find_deviates(numbers[DIRECTIONS : DIRECTIONS + SAMPLES])
        few = find_deviates(numbers[DIRECTIONS + SAMPLES :])
        self._finely = Spread(deviates, directions, reached)
        self._roughly = Spread(few, directions[::2], reached[::2])

    def of(self, means: Floats, deviations: Floats, *, roughly: bool = False) -> Floats:
        """Return for each candidate by which share the hypervolume is expected to grow: [candidates]; if it cannot, by
        how much the candidate misses the front at best, below zero. ``means`` are [candidates, objectives],
        ``deviations`` the same or, if they are the same for all, [objectives].
        """
        spread = self._roughly if roughly else self._finely
        samples = means[:, None] + np.broadcast_to(deviations, means.shape)[:, None] * spread.deviates
        for place, limit in enumerate(self._limits):
            samples[..., place] -= np.maximum(samples[..., place] - limit.best, 0) * (1 - 1 / limit.count)
        along = self._along(samples.reshape(-1, means.shape[1]), spread.directions)
        lead = (along - spread.reached).max(axis=1)
        # Most are behind, and have no gain.
        ahead = lead > 0
        grown = np.zeros(len(along))
        grown[ahead] = _grown(along[ahead], spread.reached, means.shape[1])
        gain = grown.reshape(len(means), -1).mean(axis=1)
        found: Floats = np.where(gain > 0, gain, np.minimum(lead, 0).reshape(len(means), -1).max(axis=1))
        return found

    def _along(self, points: Floats, directions: Floats) -> Floats:
        """Return how far points reach along each direction: [points, directions]."""
        heights = (points - self._reference) / self._heights
        found: Floats = np.divide.outer(heights[:, 0], directions[:, 0])
        for height, component in zip(heights.T[1:], directions.T[1:], strict=True):
            np.minimum(found, np.divide.outer(height, component), out=found)
        return found


def _grown(along: Floats, reached: Floats, objectives: int) -> Floats:
    """Return by which share the hypervolume grows with each of [points, directions]."""
    before = reached**objectives
    more: Floats = (np.maximum(along, reached) ** objectives - before).mean(axis=1)
    return more / max(float(before.mean()), LEAST_VOLUME)


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


def find_deviates(numbers: NDArray[np.float64]) -> Floats:
    """Return [samples, objectives]: normal deviates, in each objective one from each of equally likely parts, in an
    order of its own (Latin hypercube sampling, McKay et al. 1979).
    """
    count = len(numbers)
    quantiles = np.array([NormalDist().inv_cdf((place + 0.5) / count) for place in range(count)])
    deviates: Floats = quantiles[np.argsort(numbers, axis=0, kind="stable")]
    return deviates
