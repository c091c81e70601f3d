"""Results at different levels, at rungs and at the end, in one Gaussian process. Imports PyTorch.

The covariance of two results is the similarity of their candidates times the correlation of their levels: the intrinsic
model of coregionalisation (Bonilla et al. 2008). Whatever makes a candidate better at a rung than at the end does the
same to its neighbours, so any number of stopped neighbours say less than their trainings to the end would.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

import torch

from evonas.agents.curves import Curve, Outlook, products


@dataclass(frozen=True)
class Levels:
    """The known rungs, and the end."""

    steps: tuple[int, ...]
    correlations: torch.Tensor
    """[levels, levels], in single precision; the end is the last level."""

    @classmethod
    def of(cls, outlook: Outlook) -> Levels:
        """Take from trials how much levels have in common.

        More than the correlations of single trainings, since the process has a term of its own for their noise: as much
        as trainings of twice the length would show (the formula of Spearman and Brown).
        """
        return cls(outlook.steps, torch.from_numpy(products(2 * outlook.links / (1 + outlook.links))).float())

    @property
    def end(self) -> int:
        """The level of full trainings."""
        return len(self.steps)

    def find(self, curve: Curve, final: float) -> int:
        """Return the level of a result with a curve, ``final`` as in ``Observation``; an unknown rung counts as the
        known one before.
        """
        return max(0, bisect_right(self.steps, curve[-1][0]) - 1) if math.isnan(final) else self.end

    def between(self, covariance: torch.Tensor, rows: list[int], columns: list[int]) -> torch.Tensor:
        """Return [rows, columns], the similarity of candidates, as the covariance of results at these levels."""
        return covariance * self.correlations[rows][:, columns] if self.steps else covariance


NO_RUNGS = Levels((), torch.ones(1, 1))
