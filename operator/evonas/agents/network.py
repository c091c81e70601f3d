"""The policy that learns: an LSTM that makes one decision after another, a softmax over each decision's values.

A step reads the embedding of the candidate's previous active decision (or a start token) and gives the logits of the
next; decisions that do not exist for a candidate are skipped. The heads begin at zero, so that a new network is
exactly the uniform policy (Evo-NAS begins as evolution, Maziarz et al., arXiv 1811.09828). Imports PyTorch.

In float64: rounding differs between processors, and what training makes of the difference must stay far below what
changes a draw, or a search restored on another node would leave its path.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.agents.policy import Rollout
from evonas.agents.randomness import Purpose, uniforms
from evonas.agents.torch_threads import single_threaded
from evonas.space import INACTIVE, SearchSpace

EMBEDDING_SIZE = 16
"""Numbers that stand for one (decision, value) pair."""

Lstm = tuple[torch.Tensor, torch.Tensor]
"""The cell's hidden and cell state, [rows, hidden] each."""


@dataclass(frozen=True)
class Scores:
    """How likely candidates are under the network; everything is zero where a decision does not exist."""

    log_probabilities: torch.Tensor
    """[candidates, decisions]: of the value taken, given the decisions before it."""
    entropies: torch.Tensor
    """[candidates, decisions], in nats: of the head, given the decisions before it."""
    uniform_entropies: torch.Tensor
    """[candidates, decisions], in nats: what a uniform head would have."""


class PolicyNetwork(torch.nn.Module):
    """A ``Policy`` with weights; the weights are a function of (space, seed, hidden units)."""

    def __init__(self, space: SearchSpace, seed: int, hidden_units: int) -> None:
        super().__init__()
        count, width = len(space), max(space.cardinalities)
        self.lstm = _Lstm(EMBEDDING_SIZE, hidden_units, batch_first=True, dtype=torch.float64)
        self._cell = tuple(self.lstm.parameters())
        self.embedding = _parameter(count * width + 1, EMBEDDING_SIZE)
        self.head = _parameter(count, width, hidden_units)
        self.bias = _parameter(count, width)
        self._width = width
        self._start = count * width
        self._cardinalities = np.array(space.cardinalities)
        self._no_value = torch.from_numpy(np.arange(width) >= self._cardinalities[:, np.newaxis])
        self._initialise(seed, hidden_units)

    def _initialise(self, seed: int, hidden_units: int) -> None:
        # PyTorch's own range for the LSTM; ±1 for the embedding as in Abolafia et al.'s code.
        ranges = [(weights, 1 / math.sqrt(hidden_units)) for weights in self.lstm.parameters()]
        with torch.no_grad():
            for number, (weights, reach) in enumerate([*ranges, (self.embedding, 1.0)]):
                numbers = uniforms(seed, Purpose.WEIGHTS, number, tuple(weights.shape))
                weights.copy_(torch.from_numpy((2 * numbers - 1) * reach))
            self.head.zero_()
            self.bias.zero_()

    @contextmanager
    def rollout(self, rows: int) -> Iterator[Rollout]:
        """Begin ``rows`` empty candidates; holds PyTorch for this thread until the end."""
        with single_threaded(), torch.inference_mode():
            yield _NetworkRollout(self, rows)

    def tokens(self, position: NDArray[np.int64] | int, choices: NDArray[np.int64]) -> torch.Tensor:
        """Return the rows of the embedding that stand for ``choices`` at ``position``."""
        return torch.from_numpy(position * self._width + choices)

    def step(self, tokens: torch.Tensor, state: Lstm) -> Lstm:
        """Read one token per row."""
        return torch.lstm_cell(self.embedding[tokens], state, *self._cell)

    def begin(self, rows: int) -> Lstm:
        """Return the state after the start token."""
        zeros = torch.zeros(rows, self.lstm.hidden_size, dtype=torch.float64)
        return self.step(torch.full((rows,), self._start), (zeros, zeros))

    def logits(self, position: int, state: Lstm) -> torch.Tensor:
        """Return the logits of the decision at ``position``: [rows, values]."""
        values = int(self._cardinalities[position])
        return state[0] @ self.head[position, :values].T + self.bias[position, :values]

    def score(self, choices: NDArray[np.int64]) -> Scores:
        """Return how likely the candidates are, with gradients; ``choices`` is [candidates, decisions]."""
        active = choices != INACTIVE
        steps = np.maximum(active.cumsum(axis=1) - 1, 0)
        hidden, _ = self.lstm(torch.nn.functional.embedding(self._inputs(choices, active), self.embedding))
        at_decision = hidden[torch.arange(len(choices))[:, None], torch.from_numpy(steps)]
        logits = torch.einsum("cdh,dvh->cdv", at_decision, self.head) + self.bias
        log_softmax = torch.log_softmax(logits.masked_fill(self._no_value, -1e9), dim=-1)
        taken = torch.from_numpy(np.maximum(choices, 0))[..., None]
        exists = torch.from_numpy(active)
        return Scores(
            log_softmax.gather(-1, taken).squeeze(-1) * exists,
            -(log_softmax.exp() * log_softmax).sum(-1) * exists,
            torch.from_numpy(active * np.log(self._cardinalities)),
        )

    def _inputs(self, choices: NDArray[np.int64], active: NDArray[np.bool_]) -> torch.Tensor:
        """Return what each step reads: [candidates, steps], active decisions moved together to the left."""
        order = np.argsort(~active, axis=1, kind="stable")
        # What stands right of the last active decision is read after every step that counts.
        tokens = self.tokens(order, np.maximum(np.take_along_axis(choices, order, axis=1), 0))
        longest = int(active.sum(axis=1).max())
        start = torch.full((len(choices), 1), self._start)
        return torch.cat([start, tokens[:, : longest - 1]], dim=1)


class _Lstm(torch.nn.LSTM):
    """An LSTM whose weights are not drawn from PyTorch's global generator."""

    # Not by way of the meta device, which imports a computer algebra system: seconds and tens of MB.
    def reset_parameters(self) -> None:
        """Leave the weights to ``PolicyNetwork``."""


class _NetworkRollout:
    def __init__(self, network: PolicyNetwork, rows: int) -> None:
        self._network = network
        self._state = network.begin(rows)

    def logits(self, position: int) -> NDArray[np.float64]:
        return self._network.logits(position, self._state).numpy()

    def append(self, position: int, choices: NDArray[np.int64], active: NDArray[np.bool_]) -> None:
        tokens = self._network.tokens(position, np.maximum(choices, 0))
        moved = self._network.step(tokens, self._state)
        if active.all():
            self._state = moved
            return
        keep = torch.from_numpy(active)[:, None]
        self._state = (torch.where(keep, moved[0], self._state[0]), torch.where(keep, moved[1], self._state[1]))


def _parameter(*shape: int) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.empty(*shape, dtype=torch.float64))
