"""What is expected of all candidates that differ from one in a single decision, at little more than the cost of one
candidate. Imports PyTorch.

Their similarity to a known candidate is a sum over decisions, its square, and a product over decisions. What a decision
contributes is multiplied out, so that each of its values costs one multiplication for each known candidate and table.
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
        self._pair_share = similarity.pair_share
        self._weights = weights
        self._squares = self._agreement.square() @ (similarity.pair_share * weights)
        self._runs = encoding.runs
        self._decisions = torch.from_numpy(encoding.decisions)

    def around(self, origin: NDArray[np.int64]) -> torch.Tensor:
        """Return the sum for each candidate that has one other token than ``origin``, [decisions]: [tokens], in single
        precision; for those that it has, its own.
        """
        mine = torch.from_numpy(origin)
        agreement, exponent = self._agreement[mine], self._exponent[mine]
        others = agreement.sum(0) - agreement
        linear = self._weights * (SINGLE_SHARE + 2 * self._pair_share * others)
        constant = (self._weights * others * (SINGLE_SHARE + self._pair_share * others)).sum(1)
        factor = self._weights * exponential(exponent.sum(0) - exponent)
        sums = constant[self._decisions] + self._squares
        return sums.add_(self._products(self._agreement, linear)).add_(self._products(self._factor, factor))

    def _products(self, tokens: torch.Tensor, decisions: torch.Tensor) -> torch.Tensor:
        """Return the product of each token's row, [tokens, known], with its decision's, [decisions, known]."""
        found, token, decision = [], 0, 0
        # A run is one operation.
        for size, count in self._runs:
            block = tokens[token : token + count * size].view(count, size, -1)
            found.append(torch.bmm(block, decisions[decision : decision + count, :, None]).flatten())
            token, decision = token + count * size, decision + count
        return torch.cat(found)
