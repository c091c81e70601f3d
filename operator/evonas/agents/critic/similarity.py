"""How alike two candidates are: the covariance of the critic's Gaussian process. Imports PyTorch.

The sum of two parts: the share of decisions that agree and its square, which is the share of their pairs, as in an
additive Gaussian process (Duvenaud et al. 2011, arXiv 1112.4394), which learns from few results what each pair
contributes; and agreement in all decisions at once, which can model any interaction near known candidates. If only
pairs of neighbouring decisions count, there are fewer to learn about. Values of an ordered decision agree by the
distance of their ranks, others agree or do not. A decision that does not exist counts as a separate value.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.space import INACTIVE, SearchSpace, is_number

SINGLE_SHARE = 0.1
"""Share of the agreement in single decisions in the variance; agreeing pairs contain most of it anyway."""


@dataclass(frozen=True)
class Shape:
    """Chosen by the evidence: how far results carry over to other candidates."""

    length: float
    """Difference of ranks, relative to the largest one, over which ordered values agree."""
    pair_share: float
    """Share of the agreement in pairs in the variance; the rest, apart from SINGLE_SHARE, is agreement in all
    decisions."""
    decay: float
    """How fast agreement in all decisions falls: exp(-decay) if no unordered decision agrees."""
    neighbours: bool = False
    """Whether only pairs of neighbouring decisions count, in the order of the space."""


LENGTHS = (0.1, 0.2, 0.4)
PAIR_SHARES = (0.8, 0.1)
DECAYS = (1.0, 4.0)
ALL_NEIGHBOURS = 2
"""Up to so many decisions, all pairs are neighbours."""


class Encoding:
    """Turns choices into tokens: one for each value of each decision, and one for its absence."""

    def __init__(self, space: SearchSpace) -> None:
        self.sizes = np.array(space.cardinalities) + 1
        self._offsets = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        self._absent = self.sizes - 1
        self.ranks = [_ranks(space, position) for position in range(len(space))]
        self.decisions = np.repeat(np.arange(len(space)), self.sizes)
        """[tokens]: the decision that each belongs to."""
        self.runs = [(size, len([*run])) for size, run in itertools.groupby(self.sizes.tolist())]
        """Decisions with equally many tokens, one after another: how many tokens each has, and how many they are."""
        self._tables: dict[float, tuple[torch.Tensor, torch.Tensor]] = {}

    def shapes(self) -> list[Shape]:
        """Return the shapes to choose from; the length only matters if any decision is ordered."""
        lengths = LENGTHS if any(ranks is not None for ranks in self.ranks) else LENGTHS[:1]
        shapes = [Shape(*each) for each in itertools.product(lengths, PAIR_SHARES, DECAYS)]
        if len(self.sizes) > ALL_NEIGHBOURS:
            more = itertools.product(lengths, PAIR_SHARES[:1], DECAYS)
            shapes += [Shape(*each, neighbours=True) for each in more]
        return shapes

    def tokens(self, choices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the tokens of candidates: [candidates, decisions] to [candidates, decisions]."""
        tokens: NDArray[np.int64] = np.where(choices == INACTIVE, self._absent, choices) + self._offsets
        return tokens

    def token(self, positions: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the tokens of some values of some decisions."""
        tokens: NDArray[np.int64] = values + self._offsets[positions]
        return tokens

    def values(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which value candidates have where each token belongs, absence being the last: [tokens, candidates]."""
        values: NDArray[np.int64] = (tokens - self._offsets).T[self.decisions]
        return values

    def tables(self, length: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return how far each token agrees with each value of its decision, and the exponent of agreement in all
        decisions: [tokens, values] each. Computed once for each length.
        """
        if length not in self._tables:
            agreement, exponent = np.zeros((2, len(self.decisions), self.sizes.max()))
            for ranks, size, first in zip(self.ranks, self.sizes, self._offsets, strict=True):
                rows = slice(first, first + size)
                agreement[rows, :size], exponent[rows, :size] = _block(ranks, size, length)
            self._tables[length] = torch.from_numpy(agreement), torch.from_numpy(exponent)
        return self._tables[length]

    def forget_tables(self) -> None:
        """Give back their memory; they are computed again if needed."""
        self._tables.clear()


class Similarity:
    """The covariance of one shape; 1 for a candidate with itself."""

    def __init__(self, encoding: Encoding, shape: Shape) -> None:
        count = len(encoding.sizes)
        agreement, exponent = encoding.tables(shape.length)
        whole = 1 - SINGLE_SHARE - shape.pair_share
        self._encoding = encoding
        self.pair_share = shape.pair_share
        self.neighbours = shape.neighbours
        self.neighbour_share = shape.pair_share * count**2 / max(count - 1, 1)
        """Of the products of neighbouring decisions' agreement in the table."""
        # Summed over a candidate's decisions, these are all there is to know about it. Given the noise, single
        # precision is enough; it halves the cost of the largest part.
        self._tables = [
            (agreement / count).float(),
            ((shape.decay * exponent + math.log(whole)) / count).float(),
        ]

    def columns(self, tokens: NDArray[np.int64]) -> torch.Tensor:
        """Return what ``covariance`` needs of known candidates: [tokens, tables, candidates].

        Column j says how far each token agrees with candidate j: agreement in all decisions is a sum of n entries.
        """
        theirs = torch.from_numpy(self._encoding.values(tokens))
        return torch.stack([table.gather(1, theirs) for table in self._tables], dim=1)

    def among(self, tokens: NDArray[np.int64]) -> torch.Tensor:
        """Return [candidates, candidates]."""
        return self.covariance(tokens, self.columns(tokens), len(tokens))

    def covariance(self, tokens: NDArray[np.int64], columns: torch.Tensor, known: int) -> torch.Tensor:
        """Return [candidates, known] of candidates and the first ``known`` of the ``columns``, in single precision."""
        return self._covariance(tokens, self._sums(tokens, columns), columns, known)

    def covariance_changed(
        self, origin: NDArray[np.int64], tokens: NDArray[np.int64], columns: torch.Tensor, known: int
    ) -> torch.Tensor:
        """Return the same for candidates that differ from the ``origin``, [decisions], in few decisions."""
        return self._covariance(tokens, self._changed(origin, tokens, columns), columns, known)

    def _sums(self, tokens: NDArray[np.int64], columns: torch.Tensor) -> torch.Tensor:
        """Return the columns' entries for candidates, summed over their decisions: [candidates, tables, columns]."""
        sums = torch.nn.functional.embedding_bag(torch.from_numpy(tokens), columns.flatten(1), mode="sum")
        return sums.view(len(tokens), *columns.shape[1:])

    def _changed(self, origin: NDArray[np.int64], tokens: NDArray[np.int64], columns: torch.Tensor) -> torch.Tensor:
        """Return the sums of candidates that differ from the ``origin``, [decisions], in few decisions."""
        rows, decisions = np.nonzero(tokens != origin)
        bounds = torch.from_numpy(np.searchsorted(rows, np.arange(len(tokens))))
        added, left = (
            torch.nn.functional.embedding_bag(torch.from_numpy(each), columns.flatten(1), bounds, mode="sum")
            for each in (tokens[rows, decisions], origin[decisions])
        )
        sums = self._sums(origin[np.newaxis], columns).flatten(1) + added.sub_(left)
        return sums.view(len(tokens), *columns.shape[1:])

    def _covariance(
        self, tokens: NDArray[np.int64], sums: torch.Tensor, columns: torch.Tensor, known: int
    ) -> torch.Tensor:
        agreement, exponent = sums[..., :known].unbind(1)
        if not self.neighbours:
            return exponential(exponent).addcmul_(agreement, (self.pair_share * agreement).add_(SINGLE_SHARE))
        neighbours = self._neighbours(tokens, columns[:, 0, :known]).mul_(self.neighbour_share)
        return exponential(exponent).add_(neighbours).add_(SINGLE_SHARE * agreement)

    def _neighbours(self, tokens: NDArray[np.int64], agreement: torch.Tensor) -> torch.Tensor:
        """Return the products of neighbouring decisions' agreement, summed: [candidates, known]."""
        # Candidates that are compared have most pairs in common, so each pair is multiplied once.
        pairs = tokens[:, :-1] * len(agreement) + tokens[:, 1:]
        different, places = np.unique(pairs, return_inverse=True)
        first, second = (torch.from_numpy(each) for each in np.divmod(different, len(agreement)))
        products = agreement.index_select(0, first).mul_(agreement.index_select(0, second))
        return torch.nn.functional.embedding_bag(torch.from_numpy(places.reshape(pairs.shape)), products, mode="sum")


def exponential(numbers: torch.Tensor) -> torch.Tensor:
    """Return it in NumPy: PyTorch's result may differ by a bit with an element's position, and a restored agent fills
    other positions.
    """
    return torch.from_numpy(np.exp(numbers.numpy()))


def _ranks(space: SearchSpace, position: int) -> NDArray[np.float64] | None:
    """Return each value's rank scaled to 0..1; None for a decision without a meaningful order."""
    values = space.decisions[position].values
    if len(values) < 3 or not all(map(is_number, values)):
        return None
    return np.argsort(np.argsort(np.array(values, dtype=float))) / (len(values) - 1)


def _block(
    ranks: NDArray[np.float64] | None, size: int, length: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return agreement, and the exponent of agreement in all decisions: [values + 1, values + 1] each."""
    agreement = np.eye(size)
    exponent = np.eye(size) - 1
    if ranks is not None:
        distance = np.square((ranks[:, None] - ranks) / length) / 2
        agreement[:-1, :-1] = np.exp(-distance)
        exponent[:-1, :-1] = -distance
        # Absence lies beside the middle of the values, one step off their line. If it were equally near to values that
        # are far from each other, this would not be a distance, nor the result a covariance.
        exponent[-1, :-1] = exponent[:-1, -1] = -(1 + np.square((ranks - 0.5) / length) / 2)
    return agreement, exponent
