"""The table's statistics of a set of runs: means with standard errors, and how soon the better parent was reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
"""Bootstrap samples behind each interval."""


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and its standard error."""

    mean: float
    error: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.error:.3f})"


def estimate(values: NDArray[np.float64]) -> Estimate:
    """Return mean and standard error of [seeds]."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return Estimate(float(values.mean()), float(error))


def at_budget(worth: NDArray[np.float64], budget: int) -> NDArray[np.float64]:
    """Return [seeds] of the incumbents' worth after ``budget`` trials; ``worth`` is [seeds, trials]."""
    return worth[:, min(budget, worth.shape[1]) - 1]


def difference(one: Estimate, other: Estimate) -> float:
    """Return one minus the other in units of the standard error of the difference."""
    error = np.hypot(one.error, other.error)
    return 0.0 if one.mean == other.mean else float((one.mean - other.mean) / error) if error else np.inf


def share_to_reach(worth: NDArray[np.float64], goal: float) -> tuple[float, float, float]:
    """Return the share of the budget after which the mean over seeds reaches ``goal``, with a 95 % interval.

    The interval is a bootstrap over seeds; 1 stands for "not within the budget".
    """
    random = np.random.default_rng(0)
    samples = worth[random.integers(len(worth), size=(RESAMPLES, len(worth)))].mean(axis=1)
    low, high = np.quantile([_share(sample, goal) for sample in samples], [0.025, 0.975])
    return _share(worth.mean(axis=0), goal), float(low), float(high)


def solved(worth: NDArray[np.float64], optimum: float) -> int:
    """Return how many seeds ended at the optimum."""
    return int((worth[:, -1] >= optimum - 1e-9).sum())


def mean_over(problems: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return [seeds, trials], the mean over problems of the same length."""
    length = min(worth.shape[1] for worth in problems)
    seeds = min(len(worth) for worth in problems)
    mean: NDArray[np.float64] = np.mean([worth[:seeds, :length] for worth in problems], axis=0)
    return mean


def _share(curve: NDArray[np.float64], goal: float) -> float:
    reached = np.flatnonzero(curve >= goal)
    return float(reached[0] + 1) / len(curve) if len(reached) else 1.0
