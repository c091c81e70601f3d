"""Gaussian process regression on a covariance matrix (Rasmussen & Williams 2006, chapter 2). Imports PyTorch."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

import numpy as np
import torch
from numpy.typing import NDArray


def normal_scores(rewards: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what rewards of these ranks would be if they were normally distributed; equal ones share a score."""
    _, index, counts = np.unique(rewards, return_inverse=True, return_counts=True)
    # Twice the middle rank of each group of equals, so that it is a whole number.
    doubled = 2 * counts.cumsum() - counts
    scores: NDArray[np.float64] = np.array([_quantile(int(rank), 2 * len(rewards)) for rank in doubled])[index]
    return scores


@cache
def _quantile(part: int, whole: int) -> float:
    return NormalDist().inv_cdf(part / whole)


def log_evidence(covariance: torch.Tensor, noise: float, targets: torch.Tensor) -> float:
    """Return the log probability of the targets, up to a constant, under the scale that suits them best.

    ``covariance`` is [results, results]; ``noise`` is relative to the scale. Minus infinity for a singular matrix.
    """
    factor, failed = torch.linalg.cholesky_ex(_with_noise(covariance, noise))
    if failed.item():
        return -math.inf
    scale = max(_quadratic(factor, targets) / len(targets), 1e-12)
    return -len(targets) / 2 * math.log(scale) - float(factor.diagonal().log().sum())


class Posterior:
    """What the targets say about other points."""

    def __init__(self, covariance: torch.Tensor, noise: float, targets: torch.Tensor) -> None:
        """Take [known, known] and the targets of the first ``len(targets)`` known points.

        Points beyond those only lessen the uncertainty, as if their target were the predicted one (GP-BUCB, Desautels
        et al. 2014).
        """
        count = len(targets)
        self._factor = torch.linalg.cholesky(_with_noise(covariance, noise))
        factor = self._factor[:count, :count]
        self._weights = torch.cholesky_solve(targets[:, None], factor).squeeze(1)
        self._scale = max(float(targets @ self._weights) / count, 1e-12)
        self._count = count

    def predict(self, covariance: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and standard deviation of points; ``covariance`` is [points, known], 1 with themselves."""
        mean = covariance[:, : self._count] @ self._weights
        explained = torch.linalg.solve_triangular(self._factor, covariance.T, upper=False).square().sum(0)
        return mean, (self._scale * (1 - explained).clamp_min(1e-9)).sqrt()


def _quadratic(factor: torch.Tensor, targets: torch.Tensor) -> float:
    return float(torch.linalg.solve_triangular(factor, targets[:, None], upper=False).square().sum())


def _with_noise(covariance: torch.Tensor, noise: float) -> torch.Tensor:
    noisy = covariance.clone()
    noisy.diagonal().add_(noise)
    return noisy
