"""The critic: predicts what candidates are worth from the results so far, and how sure it is. Imports PyTorch.

A Gaussian process over candidates whose targets are the ranks of the rewards, so that neither their unit nor an outlier
matters. It remembers a bounded number of results, which keeps each step's cost the same however long the search is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.agents.gaussian_process import Factor, Posterior, log_evidence, normal_scores
from evonas.agents.memory import Memory
from evonas.agents.policy import Observation
from evonas.agents.similarity import Agreement, Encoding, Shape, Similarity
from evonas.agents.torch_threads import single_threaded
from evonas.space import Choices, SearchSpace

MEMORY = 640
"""Results that are remembered, give or take a block."""
GROWTH = 1.25
"""The shape is chosen anew whenever there are this many times as many results as when it was last chosen."""
JUDGES = 400
"""Results by which a shape is chosen: the latest that are remembered."""

LENGTHS = (0.1, 0.2, 0.4)
PAIR_SHARES = (0.8, 0.1)
DECAYS = (1.0, 4.0)
NOISES = (0.001, 0.01, 0.1, 0.5)
"""Variances of the rewards' noise, relative to that of the rewards."""


@dataclass(frozen=True)
class Judgement:
    """What is believed of candidates at one moment."""

    encoding: Encoding
    similarity: Similarity
    known: torch.Tensor
    posterior: Posterior

    def predict(self, choices: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and standard deviation of [candidates, decisions], in normal scores of the remembered rewards."""
        with single_threaded(), torch.inference_mode():
            sums = self.similarity.agreement.sums(self.encoding.tokens(choices), self.known)
            mean, deviation = self.posterior.predict(self.similarity.covariance(sums))
            return mean.numpy(), deviation.numpy()


class Critic:
    """An ``Observer`` that keeps a picture of the rewards, and judges candidates by it."""

    def __init__(self, space: SearchSpace) -> None:
        self._encoding = Encoding(space)
        self._lengths = LENGTHS if self._encoding.is_ordered else LENGTHS[:1]
        self._memory = Memory(MEMORY)
        self._due = 0.0
        self._snapshot: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None
        self._similarity = Similarity(
            Agreement(self._encoding, LENGTHS[0]), Shape(LENGTHS[0], PAIR_SHARES[0], DECAYS[0])
        )
        self._noise = NOISES[0]
        # Kept from step to step, for as long as nothing is forgotten and the shape stays.
        self._known = torch.empty(0)
        self._factor: Factor | None = None
        self._blocks = 0

    def observe(self, observation: Observation) -> None:
        """Remember a result; an infeasible candidate counts as worse than any reward."""
        self._memory.add(observation.choices, -math.inf if observation.reward is None else observation.reward)
        if self._memory.added >= self._due:
            # Only kept here: a search that is being restored passes most of them by.
            self._snapshot = self._memory.choices()[-JUDGES:], self._memory.rewards[-JUDGES:]
            self._due = self._memory.added * GROWTH

    def judge(self, pending: Sequence[Choices]) -> Judgement:
        """Return what is believed now; ``pending`` candidates are under way and need not be asked about again."""
        with single_threaded(), torch.inference_mode():
            self._choose_shape()
            factor = self._refresh()
            known = self._known
            posterior = Posterior(factor, torch.from_numpy(normal_scores(self._memory.rewards)))
            for choices in pending:
                known, covariance = self._with(known, np.array([choices]))
                posterior.expect(covariance)
            return Judgement(self._encoding, self._similarity, known, posterior)

    def _choose_shape(self) -> None:
        """Take the shape and the noise under which the latest snapshot is likeliest."""
        if self._snapshot is None:
            return
        choices, rewards = self._snapshot
        self._snapshot = None
        tokens, targets = self._encoding.tokens(choices), torch.from_numpy(normal_scores(rewards))
        best = -math.inf
        for length in self._lengths:
            agreement = Agreement(self._encoding, length)
            sums = agreement.sums(tokens, agreement.rows(tokens))
            for pair_share, decay in product(PAIR_SHARES, DECAYS):
                similarity = Similarity(agreement, Shape(length, pair_share, decay))
                covariance = similarity.covariance(sums)
                for noise in NOISES:
                    if (evidence := log_evidence(covariance, noise, targets)) > best:
                        best, self._similarity, self._noise = evidence, similarity, noise
        self._factor = None

    def _refresh(self) -> Factor:
        """Return the factor of all remembered results, grown from that of the settled ones a result at a time."""
        memory, agreement = self._memory, self._similarity.agreement
        if self._factor is None or self._blocks != memory.blocks:
            settled = max(memory.settled, 1)
            tokens = self._encoding.tokens(memory.choices(last=settled))
            self._known = agreement.rows(tokens)
            self._factor = Factor(self._similarity.covariance(agreement.sums(tokens, self._known)), self._noise)
            self._blocks = memory.blocks
        for place in range(len(self._factor), len(memory)):
            self._known, covariance = self._with(self._known, memory.choices(place, place + 1))
            self._factor = self._factor.appended(covariance)
        return self._factor

    def _with(self, known: torch.Tensor, choices: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what is known with one candidate more, and that one's covariance with those before it."""
        agreement = self._similarity.agreement
        tokens = self._encoding.tokens(choices)
        covariance = self._similarity.covariance(agreement.sums(tokens, known))[0]
        return torch.cat([known, agreement.rows(tokens)], dim=2), covariance
