"""What is expected of all candidates that differ from one in a single decision, at little more than the cost of one
candidate. Imports PyTorch.

Their similarity to a known candidate is a sum over decisions, its square or a sum over neighbours, and a product over
decisions. What a decision contributes is multiplied out, so that each of its values costs one multiplication for each
known candidate and table.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.agents.critic.similarity import SINGLE_SHARE, Encoding, Similarity, exponential


class Surroundings:
    """A weighted sum of the similarities to known candidates, around any candidate."""

    def __init__(
        self, encoding: Encoding, similarity: Similarity, columns: torch.Tensor, weights: torch.Tensor
    ) -> None:
        """Take the columns of the known candidates, of which there are as many as ``weights``."""
        self._agreement, self._exponent = columns[..., : len(weights)].unbind(1)
        self._factor = exponential(self._exponent)
        self._similarity = similarity
        self._weights = weights
        if not similarity.neighbours:
            self._squares = self._agreement.square() @ (similarity.pair_share * weights)
        self._runs = encoding.runs
        self._decisions = torch.from_numpy(encoding.decisions)

    def around(self, origin: NDArray[np.int64]) -> torch.Tensor:
        """Return the sum for each candidate that has one other token than ``origin``, [decisions]: [tokens], in single
        precision; for those that it has, its own.
        """
        mine = torch.from_numpy(origin)
        agreement, exponent = (table.index_select(0, mine) for table in (self._agreement, self._exponent))
        factor = self._weights * exponential(exponent.sum(0) - exponent)
        found = self._products(self._factor, factor)
        return found.add_(self._neighbours(mine, agreement) if self._similarity.neighbours else self._pairs(agreement))

    def _pairs(self, agreement: torch.Tensor) -> torch.Tensor:
        """Return the part of agreement in single decisions and in all pairs; ``agreement`` is that of the origin."""
        share, others = self._similarity.pair_share, agreement.sum(0) - agreement
        linear = self._weights * (SINGLE_SHARE + 2 * share * others)
        constant = (self._weights * others * (SINGLE_SHARE + share * others)).sum(1)
        return (constant[self._decisions] + self._squares).add_(self._products(self._agreement, linear))

    def _neighbours(self, mine: torch.Tensor, agreement: torch.Tensor) -> torch.Tensor:
        """Return the same where only pairs of neighbours count; ``mine`` are the tokens of the origin."""
        beside = torch.nn.functional.pad(agreement[:-1], (0, 0, 1, 0))
        beside[:-1] += agreement[1:]
        linear = beside.mul_(self._similarity.neighbour_share).add_(SINGLE_SHARE).mul_(self._weights)
        found = self._products(self._agreement, linear)
        own = found.index_select(0, mine)
        # All decisions together count each pair twice, and what is single once.
        whole = (own.sum() + SINGLE_SHARE * (agreement.sum(0) @ self._weights)) / 2
        return found + (whole - own)[self._decisions]

    def _products(self, tokens: torch.Tensor, decisions: torch.Tensor) -> torch.Tensor:
        """Return the product of each token's row, [tokens, known], with its decision's, [decisions, known]."""
        found, token, decision = [], 0, 0
        # A run is one operation.
        for size, count in self._runs:
            block = tokens[token : token + count * size].view(count, size, -1)
            found.append(torch.bmm(block, decisions[decision : decision + count, :, None]).flatten())
            token, decision = token + count * size, decision + count
        return torch.cat(found)
