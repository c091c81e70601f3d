"""The critic: predicts from the results so far what candidates are worth, and with what certainty. Imports PyTorch.

A Gaussian process over candidates whose targets are the ranks of the rewards, so that neither their unit nor an outlier
matters. It remembers a bounded number of results, which keeps the cost of a step constant however long the search is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.agents.critic.gaussian_process import Factor, Posterior, log_evidence, normal_scores
from evonas.agents.critic.memory import BLOCK, Memory
from evonas.agents.critic.similarity import Encoding, Shape, Similarity
from evonas.agents.policy import Observation
from evonas.agents.torch_threads import single_threaded
from evonas.space import Choices, SearchSpace

MEMORY = 512
"""How many results are remembered, give or take a block."""
GROWTH = 1.25
"""The shape is chosen again whenever the number of results has grown by this factor since the last choice."""
JUDGES = 400
"""How many of the remembered results a shape is chosen by: the latest ones."""

LENGTHS = (0.1, 0.2, 0.4)
PAIR_SHARES = (0.8, 0.1)
DECAYS = (1.0, 4.0)
NOISES = (0.001, 0.01, 0.1, 0.5)
"""Variances of the rewards' noise, relative to that of the rewards."""


@dataclass(frozen=True)
class Judgement:
    """The critic's beliefs about candidates, valid until it is asked again."""

    encoding: Encoding
    similarity: Similarity
    columns: torch.Tensor
    known: int
    posterior: Posterior

    def predict(self, choices: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and standard deviation of [candidates, decisions], in normal scores of the remembered rewards."""
        with single_threaded(), torch.inference_mode():
            covariance = self.similarity.covariance(self.encoding.tokens(choices), self.columns, self.known)
            mean, deviation = self.posterior.predict(covariance)
            return mean.numpy(), deviation.numpy()


class Critic:
    """An ``Observer`` that models the rewards and judges candidates by the model."""

    def __init__(self, space: SearchSpace) -> None:
        self._encoding = Encoding(space)
        self._lengths = LENGTHS if self._encoding.is_ordered else LENGTHS[:1]
        self._memory = Memory(MEMORY)
        self._due = 0.0
        self._snapshot: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None
        self._similarity = Similarity(self._encoding, Shape(LENGTHS[0], PAIR_SHARES[0], DECAYS[0]))
        self._noise = NOISES[0]
        # Kept from step to step as long as nothing is forgotten and the shape stays the same. Columns have spare room.
        self._columns = torch.empty(0)
        self._factor: Factor | None = None
        self._blocks = 0

    def observe(self, observation: Observation) -> None:
        """Remember a result; an infeasible candidate counts as worse than any reward."""
        self._memory.add(observation.choices, -math.inf if observation.reward is None else observation.reward)
        if self._memory.added >= self._due:
            # Only stored here: a search that is being restored never needs most of them.
            self._snapshot = self._memory.choices()[-JUDGES:], self._memory.rewards[-JUDGES:]
            self._due = self._memory.added * GROWTH

    def judge(self, pending: Sequence[Choices]) -> Judgement:
        """Return the current beliefs; ``pending`` candidates are being evaluated and need not be asked about again."""
        with single_threaded(), torch.inference_mode():
            self._choose_shape()
            remembered = len(self._memory)
            posterior = Posterior(self._refresh(len(pending)), torch.from_numpy(normal_scores(self._memory.rewards)))
            for place, choices in enumerate(pending, remembered):
                posterior.expect(self._enter(place, np.array([choices])))
            return Judgement(self._encoding, self._similarity, self._columns, remembered + len(pending), posterior)

    def _choose_shape(self) -> None:
        """Take the shape and the noise under which the latest snapshot is likeliest."""
        if self._snapshot is None:
            return
        choices, rewards = self._snapshot
        self._snapshot = None
        tokens, targets = self._encoding.tokens(choices), torch.from_numpy(normal_scores(rewards))
        best = -math.inf
        for shape in itertools.starmap(Shape, itertools.product(self._lengths, PAIR_SHARES, DECAYS)):
            similarity = Similarity(self._encoding, shape)
            covariance = similarity.covariance(tokens, similarity.columns(tokens), len(tokens))
            for noise in NOISES:
                if (evidence := log_evidence(covariance, noise, targets)) > best:
                    best, self._similarity, self._noise = evidence, similarity, noise
        self._factor = None

    def _refresh(self, pending: int) -> Factor:
        """Return the factor of all remembered results, grown from that of the settled ones one result at a time.

        The columns then have room for as many candidates as are ``pending``.
        """
        memory = self._memory
        if self._factor is None or self._blocks != memory.blocks:
            settled = max(memory.settled, 1)
            tokens = self._encoding.tokens(memory.choices(last=settled))
            self._columns = self._similarity.columns(tokens)
            self._factor = Factor(self._similarity.covariance(tokens, self._columns, settled), self._noise)
            self._blocks = memory.blocks
        missing = len(memory) + pending - self._columns.shape[2]
        if missing > 0:
            self._columns = torch.nn.functional.pad(self._columns, (0, missing + BLOCK))
        for place in range(len(self._factor), len(memory)):
            self._factor = self._factor.appended(self._enter(place, memory.choices(place, place + 1)))
        return self._factor

    def _enter(self, place: int, choices: NDArray[np.int64]) -> torch.Tensor:
        """Put a candidate into the columns at ``place``; returns its covariance with those before it."""
        tokens = self._encoding.tokens(choices)
        self._columns[:, :, place] = self._similarity.columns(tokens)[:, :, 0]
        return self._similarity.covariance(tokens, self._columns, place)[0]
