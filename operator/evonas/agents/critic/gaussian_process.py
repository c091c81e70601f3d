"""Gaussian process regression on a covariance matrix (Rasmussen & Williams 2006, chapter 2). Imports PyTorch."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray


def normal_scores(rewards: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the normal scores of rewards with these ranks; equal rewards share a score."""
    ascending = np.sort(rewards)
    middles = (ascending.searchsorted(rewards, "left") + ascending.searchsorted(rewards, "right")) / 2
    scores: NDArray[np.float64] = torch.special.ndtri(torch.from_numpy(middles / len(rewards))).numpy()
    return scores


def log_evidence(covariance: torch.Tensor, noise: float, targets: torch.Tensor) -> float:
    """Return the log probability of the targets, up to a constant, under the scale that fits them best.

    ``covariance`` is [results, results]; ``noise`` is relative to the scale. Minus infinity for a singular matrix.
    """
    factor, failed = torch.linalg.cholesky_ex(_with_noise(covariance, noise))
    if failed.item():
        return -math.inf
    scale = max(_quadratic(factor, targets) / len(targets), 1e-12)
    return -len(targets) / 2 * math.log(scale) - float(factor.diagonal().log().sum())


class Factor:
    """The Cholesky factor of a covariance with noise, which grows one point at a time.

    A first block is factorised at once; appending a point costs the square of the number of points, not its cube. Two
    factors that grew the same way are equal bit for bit.
    """

    def __init__(self, covariance: torch.Tensor, noise: float) -> None:
        """Factorise [points, points]."""
        self.noise = noise
        """Relative to the scale."""
        self._block = torch.linalg.cholesky(_with_noise(covariance, noise))
        self._halves = _Halves(self._block.float())
        self._rows = torch.empty(0, len(covariance), dtype=torch.float64)
        self._corner = torch.empty(0, 0, dtype=torch.float64)

    def __len__(self) -> int:
        return len(self._block) + len(self._corner)

    @property
    def log_determinant(self) -> float:
        """Of the covariance with noise."""
        return 2 * float(self._block.diagonal().log().sum() + self._corner.diagonal().log().sum())

    def appended(self, covariance: torch.Tensor) -> Factor:
        """Return the factor with one more point; ``covariance`` is [points], with the points before it."""
        row = self.solve(covariance[:, None].double())[:, 0]
        diagonal = math.sqrt(max(1 + self.noise - float(row @ row), 1e-12))
        return self._grown(row[None], torch.tensor([[diagonal]], dtype=torch.float64))

    def extended(self, covariance: torch.Tensor) -> Factor:
        """Return the factor with several more points, at little more than the cost of one; ``covariance`` is [new,
        points + new], with the points before them and among themselves.
        """
        rows = self.solve(covariance[:, : len(self)].T.double()).T
        left = _with_noise(covariance[:, len(self) :], self.noise) - rows @ rows.T
        return self._grown(rows, torch.linalg.cholesky(left))

    def _grown(self, rows: torch.Tensor, corner: torch.Tensor) -> Factor:
        """Return the factor with these rows [new, points] below it, and in the corner [new, new]."""
        first, new = len(self._block), len(corner)
        more = Factor.__new__(Factor)
        more.noise, more._block, more._halves = self.noise, self._block, self._halves
        more._rows = torch.cat([self._rows, rows[:, :first]])
        more._corner = torch.nn.functional.pad(self._corner, (0, new, 0, new))
        more._corner[-new:, :-new] = rows[:, first:]
        more._corner[-new:, -new:] = corner
        return more

    @cached_property
    def _singles(self) -> tuple[torch.Tensor, torch.Tensor]:
        """What was appended, transposed and in single precision."""
        return self._rows.T.float(), self._corner.T.float()

    def solve(self, right: torch.Tensor) -> torch.Tensor:
        """Return y of L y = right; [points, columns] both."""
        first = len(self._block)
        upper = torch.linalg.solve_triangular(self._block, right[:first], upper=False)
        if not len(self._corner):
            return torch.as_tensor(upper)
        lower = torch.linalg.solve_triangular(self._corner, right[first:] - self._rows @ upper, upper=False)
        return torch.cat([upper, lower])

    def explained(self, covariance: torch.Tensor) -> torch.Tensor:
        """Return the variance of new points that the known ones explain; ``covariance`` is [new, points], single.

        In single precision, which takes a third of the time: the effect on the factor is that of changing the
        covariance by some 1e-5, far below the noise.
        """
        first = len(self._block)
        upper = self._halves.solve(covariance[:, :first])
        explained = upper.square().sum(1)
        if len(self._corner):
            rows, corner = self._singles
            lower = covariance[:, first:] - upper @ rows
            explained += torch.linalg.solve_triangular(corner, lower, upper=True, left=False).square().sum(1)
        return explained

    def solve_transposed(self, right: torch.Tensor) -> torch.Tensor:
        """Return x of Lᵀ x = right; [points, columns] both."""
        first = len(self._block)
        lower = torch.linalg.solve_triangular(self._corner.T, right[first:], upper=True)
        upper = torch.linalg.solve_triangular(self._block.T, right[:first] - self._rows.T @ lower, upper=True)
        return torch.cat([upper, lower])


class Posterior:
    """Predictions for other points, given targets."""

    def __init__(self, factor: Factor, targets: torch.Tensor) -> None:
        """Take the factor of the known points and their targets: [points]."""
        solved = factor.solve(targets[:, None])
        self.weights = factor.solve_transposed(solved).squeeze(1)
        """[points]: of the known points in the mean."""
        self.targets = targets
        self._scale = max(float(solved.square().sum()) / max(len(targets), 1), 1e-12)
        self._factor = factor

    def expect(self, covariance: torch.Tensor) -> None:
        """Treat points as known although their targets are not; ``covariance`` is [new, known + new], with those known
        before and among themselves. This reduces the uncertainty, as if their targets were the predicted ones (GP-BUCB,
        Desautels et al. 2014).
        """
        self._factor = self._factor.extended(covariance)

    @property
    def known(self) -> torch.Tensor:
        """[points]: the mean of the known points, which is what their targets would be without noise."""
        return self.targets - self._factor.noise * self.weights

    def mean(self, covariance: torch.Tensor) -> torch.Tensor:
        """Return the mean of points; ``covariance`` is [points, known]."""
        return covariance[:, : len(self.weights)].double() @ self.weights

    def explained(self, covariance: torch.Tensor) -> torch.Tensor:
        """Return the share of the variance of points that the known ones explain; ``covariance`` is [points, known]."""
        return self._factor.explained(covariance.float()).double()

    def predict(self, covariance: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and standard deviation of points; ``covariance`` is [points, known], 1 with themselves."""
        mean, explained = self.mean(covariance), self.explained(covariance)
        return mean, (self._scale * (1 - explained).clamp_min(1e-9)).sqrt()


class _Halves:
    """A triangular L cut in two, with the halves on the diagonal inverted.

    For a few rows at a time, products with these take half the time of a triangular solve, which multiplies small
    pieces.
    """

    def __init__(self, factor: torch.Tensor) -> None:
        """Take L: [points, points]."""
        self._middle = len(factor) // 2
        first, second = slice(self._middle), slice(self._middle, None)
        self._first, self._second = _inverse(factor[first, first]), _inverse(factor[second, second])
        self._across = factor[second, first].T.contiguous()

    def solve(self, right: torch.Tensor) -> torch.Tensor:
        """Return Y of Y Lᵀ = right; [rows, points] both."""
        upper = right[:, : self._middle] @ self._first
        return torch.cat([upper, (right[:, self._middle :] - upper @ self._across) @ self._second], dim=1)


def _inverse(factor: torch.Tensor) -> torch.Tensor:
    inverse: torch.Tensor = torch.linalg.solve_triangular(factor, torch.eye(len(factor)), upper=False)
    return inverse.T.contiguous()


def _quadratic(factor: torch.Tensor, targets: torch.Tensor) -> float:
    return float(torch.linalg.solve_triangular(factor, targets[:, None], upper=False).square().sum())


def _with_noise(covariance: torch.Tensor, noise: float) -> torch.Tensor:
    noisy = covariance.to(torch.float64, copy=True)
    noisy.diagonal().add_(noise)
    return noisy
