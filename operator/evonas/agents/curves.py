"""One scale for trials that ended at different rungs, and what a rung says of the end. Imports no PyTorch.

At the first rung there is everybody, and a trial's score is its normal score there. Only the better trials come to the
next one, where normal scores among themselves would be too low. Values at a rung and at the one before are therefore
taken for jointly normal, apart from their scales: from their correlation follows where those that went on stand among
all (Pearson's correction for selection, Thorndike 1949, case 2). The correlation is the mean of its posterior, on a
grid, under a prior that decides while few trials have reached the rung. Correlations multiply along the rungs.

Only ranks within a rung count: values may rise or fall from rung to rung, and have any scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

Curve = tuple[tuple[int, float], ...]
"""Steps, ascending, and values; minus infinity where the candidate had diverged."""

CORRELATIONS = np.arange(1, 20) / 20
PRIOR = (3.0, 1.0)
"""Exponents of the correlation and of its difference from 1: a mean of 2/3, worth about five trials."""
LEAST_SPREAD = 0.3
"""Of two or three values; below it, their scale would be an accident."""


@dataclass(frozen=True)
class Outlook:
    """Where trials stand."""

    steps: tuple[int, ...]
    """Of the rungs that any trial has reached, ascending."""
    scores: Numbers
    """[trials]: at the last rung or at the end, in normal scores of all candidates."""
    columns: NDArray[np.int64]
    """[trials]: which rung that is; the end is the column after the last rung."""
    links: Numbers
    """[columns - 1]: correlations between scores in neighbouring columns."""

    @property
    def expected(self) -> Numbers:
        """[trials]: the score that a trial has, or would have had, at the end."""
        return np.asarray(products(self.links)[self.columns, -1] * self.scores)


def outlook(curves: Sequence[Curve], finals: Numbers) -> Outlook:
    """Put trials on one scale. ``finals`` are the rewards: NaN if a trial has none, minus infinity if it never will,
    since it is infeasible or has diverged: these stand below all others.
    """
    steps = tuple(sorted({step for curve in curves for step, _ in curve}))
    table = _table(curves, finals, steps)
    scores = np.full(table.shape, np.nan)
    links = []
    scores[:, 0] = _normal_scores(table[:, 0])
    for column in range(1, table.shape[1]):
        within, before = _normal_scores(table[:, column]), scores[:, column - 1]
        both = ~np.isnan(within + before)
        link = _link(before[both], within[both])
        scores[:, column] = link.shift + link.scale * within
        links.append(link.correlation)
    last = table.shape[1] - 1 - np.isfinite(scores)[:, ::-1].argmax(axis=1)
    reached = scores[np.arange(len(scores)), last]
    last[finals == -math.inf] = len(steps)
    return Outlook(steps, reached, last, np.array(links))


def products(links: Numbers) -> Numbers:
    """Return [columns, columns]: the product of what lies between two columns, 1 for a column with itself."""
    logs = np.concatenate([[0.0], np.log(links).cumsum()])
    return np.asarray(np.exp(-np.abs(logs[:, None] - logs)))


def _table(curves: Sequence[Curve], finals: Numbers, steps: tuple[int, ...]) -> Numbers:
    """Return [trials, rungs and end], NaN where nothing is known."""
    places = {step: place for place, step in enumerate(steps)}
    table = np.full((len(curves), len(steps) + 1), np.nan)
    table[:, -1] = finals
    for row, curve in enumerate(curves):
        for step, value in curve:
            table[row, places[step]] = value if math.isfinite(value) else np.nan
    hopeless = finals == -math.inf
    table[hopeless] = np.nan
    table[hopeless, 0] = -math.inf
    return table


def _normal_scores(values: Numbers) -> Numbers:
    """Return the normal scores of the values that are not NaN; equal values share one."""
    known = ~np.isnan(values)
    _, index, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    middles = (counts.cumsum() - counts / 2) / max(1, int(known.sum()))
    scores = np.full(len(values), np.nan)
    scores[known] = np.array([NormalDist().inv_cdf(middle) for middle in middles.tolist()])[index]
    return scores


@dataclass(frozen=True)
class _Link:
    """How scores at a rung follow from those at the one before: shift and scale apply to scores within the rung."""

    correlation: float
    shift: float
    scale: float


def _link(before: Numbers, within: Numbers) -> _Link:
    """Link the scores of the same trials at the rung before, among all, and within this rung."""
    grid, count = CORRELATIONS, len(before)
    logs = PRIOR[0] * np.log(grid) + PRIOR[1] * np.log(1 - grid)
    if not count:
        return _Link(_mean(grid, logs), 0.0, 1.0)
    mean, variance = float(before.mean()), min(float(before.var()), 1.0)
    middle, spread = float(within.mean()), max(float(within.std()), LEAST_SPREAD)
    deviations = np.sqrt(1 - grid**2 * (1 - variance))
    scores = grid[:, None] * mean + deviations[:, None] * (within - middle) / spread
    unexplained = np.square(scores - grid[:, None] * before).sum(axis=1)
    logs += count * np.log(deviations) - count / 2 * np.log(1 - grid**2) - unexplained / 2 / (1 - grid**2)
    correlation = _mean(grid, logs)
    scale = math.sqrt(1 - correlation**2 * (1 - variance)) / spread
    return _Link(correlation, correlation * mean - scale * middle, scale)


def _mean(grid: Numbers, logs: Numbers) -> float:
    weights = np.exp(logs - logs.max())
    return float(weights @ grid / weights.sum())
