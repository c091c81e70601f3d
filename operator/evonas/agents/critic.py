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

from evonas.agents.gaussian_process import Posterior, log_evidence, normal_scores
from evonas.agents.memory import Memory
from evonas.agents.policy import Observation
from evonas.agents.similarity import Agreement, Encoding, Shape, Similarity
from evonas.agents.torch_threads import single_threaded
from evonas.space import Choices, SearchSpace

MEMORY = 400
"""Results that are remembered. Each step factorises a matrix of this size."""
GROWTH = 1.15
"""The shape is chosen anew whenever there are this many times as many results as when it was last chosen."""

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
        # Kept from step to step, since one result changes one row and one column.
        self._known = torch.empty(len(self._encoding.decisions), 3, 0, dtype=torch.float64)
        self._covariance = torch.empty(0, 0, dtype=torch.float64)

    def observe(self, observation: Observation) -> None:
        """Remember a result; an infeasible candidate counts as worse than any reward."""
        self._memory.add(observation.choices, -math.inf if observation.reward is None else observation.reward)
        if self._memory.added >= self._due:
            # Only kept here: a search that is being restored passes most of them by.
            self._snapshot = self._memory.choices(), self._memory.rewards
            self._due = self._memory.added * GROWTH

    def judge(self, pending: Sequence[Choices]) -> Judgement:
        """Return what is believed now; ``pending`` candidates are under way and need not be asked about again."""
        with single_threaded(), torch.inference_mode():
            self._choose_shape()
            self._refresh()
            known, covariance = self._known, self._covariance
            if pending:
                known, covariance = self._with(np.array(pending))
            targets = torch.from_numpy(normal_scores(self._memory.rewards))
            return Judgement(self._encoding, self._similarity, known, Posterior(covariance, self._noise, targets))

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
        self._memory.mark_all_changed()

    def _refresh(self) -> None:
        changed = self._memory.take_changed()
        if not changed:
            return
        added = len(self._memory) - len(self._covariance)
        if added:
            self._known = torch.nn.functional.pad(self._known, (0, added))
            self._covariance = torch.nn.functional.pad(self._covariance, (0, added, 0, added))
        tokens = self._encoding.tokens(self._memory.choices(changed))
        agreement = self._similarity.agreement
        self._known[:, :, changed] = agreement.rows(tokens)
        rows = self._similarity.covariance(agreement.sums(tokens, self._known))
        self._covariance[changed] = rows
        self._covariance[:, changed] = rows.T

    def _with(self, choices: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = self._encoding.tokens(choices)
        agreement = self._similarity.agreement
        known = torch.cat([self._known, agreement.rows(tokens)], dim=2)
        rows = self._similarity.covariance(agreement.sums(tokens, known))
        upper = torch.cat([self._covariance, rows[:, : len(self._covariance)].T], dim=1)
        return known, torch.cat([upper, rows])
