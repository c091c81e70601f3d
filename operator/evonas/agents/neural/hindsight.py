"""Trains the network without PyTorch, to look back on a record: what it then would choose differs by rounding alone.

No proposal is made of that. A test compares it with what PyTorch trains.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from evonas.agents.neural.objective import GRADIENT_CLIP, Objective
from evonas.agents.neural.recurrent import Network

DECAY, SQUARES_DECAY, LEAST_DEVIATION = 0.9, 0.999, 1e-8
"""Adam's, as in ``adam``."""
CLIP_AIR = 1e-6
"""What ``torch.nn.utils.clip_grad_norm_`` adds to the norm that it divides by."""


class Hindsight:
    """Adam on one network."""

    def __init__(self, network: Network, learning_rate: float) -> None:
        self._network = network
        self._learning_rate = learning_rate
        self._means, self._squares = np.zeros((2, len(network.numbers)))
        self._steps = 0
        self.entropy = 1.0
        """As ``Climber.entropy``."""

    def step(self, choices: NDArray[np.int64], objective: Objective) -> None:
        """As ``Climber.step``."""
        reading = self._network.read(choices)
        gradient = reading.gradient(-objective.of_log_probabilities.T, -objective.of_entropies.T)
        gradient *= min(1.0, GRADIENT_CLIP / (math.sqrt(np.square(gradient).sum()) + CLIP_AIR))
        self._steps += 1
        self._means += (1 - DECAY) * (gradient - self._means)
        self._squares *= SQUARES_DECAY
        self._squares += (1 - SQUARES_DECAY) * np.square(gradient)
        deviations = np.sqrt(self._squares) / math.sqrt(1 - SQUARES_DECAY**self._steps) + LEAST_DEVIATION
        self._network.numbers -= self._learning_rate / (1 - DECAY**self._steps) * self._means / deviations
        self._network.version += 1
        uniform = float(self._network.uniform_entropies(choices).sum())
        if uniform > 0:
            self.entropy = float(reading.entropies.sum()) / uniform
