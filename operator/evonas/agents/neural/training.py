"""One step of gradient descent on the network, shared by all ways to train it. Imports PyTorch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.agents.neural.adam import Adam
from evonas.agents.neural.network import PolicyNetwork
from evonas.agents.neural.objective import GRADIENT_CLIP, Objective
from evonas.agents.torch_threads import single_threaded


class Descent:
    """Adam on one network."""

    def __init__(self, network: PolicyNetwork, learning_rate: float) -> None:
        self._network = network
        self._adam = Adam([network.weights], learning_rate)
        self.entropy = 1.0
        """Mean entropy of the decisions last trained on, relative to uniform heads, before that step; 1 at first."""

    def step(self, choices: NDArray[np.int64], objective: Objective) -> None:
        """Step uphill on the objective; ``choices`` is [candidates, decisions]."""
        with single_threaded():
            scores = self._network.score(choices)
            self._adam.zero_grad()
            gains = torch.from_numpy(objective.of_log_probabilities) * scores.log_probabilities
            gains = gains + torch.from_numpy(objective.of_entropies) * scores.entropies
            (-gains.sum()).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self._network.weights, GRADIENT_CLIP)
            self._adam.step()
            uniform = float(scores.uniform_entropies.sum())
            if uniform > 0:
                self.entropy = float(scores.entropies.detach().sum()) / uniform
