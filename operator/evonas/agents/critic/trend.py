"""A Gaussian process around a combination of known functions, whose coefficients it learns. Imports PyTorch.

Explicit basis functions with a normal prior on their coefficients (Rasmussen & Williams 2006, section 2.7).
"""

from __future__ import annotations

import math

import torch

from evonas.agents.critic.gaussian_process import Factor, Posterior

PSEUDO_RESULTS = 3
"""How many results the prior scale, 1, counts for: what the functions do not explain can be large even if they explain
the first few results."""


class Trend:
    """Predictions for other points, given targets, as ``Posterior`` makes them around zero."""

    def __init__(
        self,
        factor: Factor,
        targets: torch.Tensor,
        functions: torch.Tensor,
        means: torch.Tensor,
        variances: torch.Tensor,
    ) -> None:
        """Take the factor of the known points, their targets [points], the functions' values there [points, functions],
        and the coefficients' prior means and variances, the latter relative to the scale: [functions] each.
        """
        solved = factor.solve(functions)
        residual = factor.solve((targets - functions @ means)[:, None])[:, 0]
        projected = solved.T @ residual
        self._precision = torch.linalg.cholesky(variances.reciprocal().diag() + solved.T @ solved)
        change = torch.cholesky_solve(projected[:, None], self._precision)[:, 0]
        self.coefficients = means + change
        """[functions]: what is expected of them."""
        self._carried = factor.solve_transposed(solved)
        self._rest = Posterior(factor, targets - functions @ self.coefficients)
        unexplained = max(float(residual @ residual - projected @ change), 0.0)
        self._scale = (unexplained + PSEUDO_RESULTS) / (len(targets) + PSEUDO_RESULTS)
        determinants = 2 * float(self._precision.diagonal().log().sum()) + float(variances.log().sum())
        determinants += factor.log_determinant
        self.log_evidence = -(len(targets) + PSEUDO_RESULTS) / 2 * math.log(self._scale) - determinants / 2
        """Log probability of the targets, up to a constant."""

    def expect(self, covariance: torch.Tensor) -> None:
        """As ``Posterior.expect``; what is expected teaches nothing about the coefficients."""
        self._rest.expect(covariance)

    def mean(self, covariance: torch.Tensor, functions: torch.Tensor) -> torch.Tensor:
        """Return the mean of points; ``covariance`` is [points, known], ``functions`` [points, functions]."""
        return functions @ self.coefficients + self._rest.mean(covariance)

    def predict(self, covariance: torch.Tensor, functions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and standard deviation of points."""
        mean = self.mean(covariance, functions)
        new = functions - covariance[:, : len(self._carried)].double() @ self._carried
        spread = torch.linalg.solve_triangular(self._precision, new.T, upper=False).square().sum(0)
        return mean, (self._scale * ((1 - self._rest.explained(covariance)).clamp_min(1e-9) + spread)).sqrt()
