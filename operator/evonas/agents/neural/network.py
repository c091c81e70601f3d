"""The network as PyTorch trains it: its weights are a leaf of PyTorch's graph. Imports PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.agents.neural.reading import Reading
from evonas.agents.neural.recurrent import Network
from evonas.agents.neural.torch_operations import TorchOperations
from evonas.agents.neural.weights import Floats
from evonas.space import SearchSpace


@dataclass(frozen=True)
class Scores:
    """How likely candidates are under the network; all values are zero where a decision does not exist."""

    log_probabilities: torch.Tensor
    """[candidates, decisions]: log-probability of the chosen value, given the decisions before it."""
    entropies: torch.Tensor
    """[candidates, decisions], in nats: of the head, given the decisions before it."""
    uniform_entropies: torch.Tensor
    """[candidates, decisions], in nats: what a uniform head would have."""


class PolicyNetwork(Network):
    """A ``Policy`` with weights, which are at first a function of (space, seed, hidden units)."""

    def __init__(self, space: SearchSpace, seed: int, hidden_units: int) -> None:
        super().__init__(space, seed, hidden_units, TorchOperations())
        self.weights = torch.from_numpy(self.numbers).requires_grad_()
        """The same memory, a leaf of the graph."""

    def recurrence(self) -> tuple[Floats, Floats]:
        """As ``Network.recurrence``."""
        self.version = self.weights._version
        return super().recurrence()

    def score(self, choices: NDArray[np.int64]) -> Scores:
        """Return how likely the candidates are, with gradients; ``choices`` is [candidates, decisions]."""
        log_probabilities, entropies = Differentiable.apply(self.weights, self.read(choices))
        return Scores(log_probabilities, entropies, torch.from_numpy(self.uniform_entropies(choices)))


class Differentiable(torch.autograd.Function):
    """A reading's results as functions of the weights: [candidates, decisions] each."""

    @staticmethod
    def forward(ctx: Any, weights: torch.Tensor, reading: Reading) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log-probabilities and entropies; ``weights`` are those that were read."""
        ctx.reading = reading
        return torch.from_numpy(reading.log_probabilities.T), torch.from_numpy(reading.entropies.T)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return the gradient by the weights."""
        of_log_probabilities, of_entropies = (gradient.numpy().T for gradient in gradients)
        return torch.from_numpy(ctx.reading.gradient(of_log_probabilities, of_entropies)), None
