"""The policy that learns: an LSTM that makes one decision after another, a softmax over each decision's values.

A step reads the embedding of the candidate's previous active decision (or a start token) and returns the logits of the
next; decisions that do not exist for a candidate are skipped. The heads are initialised to zero, so that a new network
is exactly the uniform policy (Evo-NAS begins as evolution, Maziarz et al., arXiv 1811.09828). Imports PyTorch. In
float64: rounding differs between processors, and the difference, even amplified by training, must stay far too small to
change a draw, or a search restored on another node would diverge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.agents.neural.recurrence import run_lstm
from evonas.agents.policy import Rollout
from evonas.agents.randomness import Purpose, uniforms
from evonas.agents.torch_threads import single_threaded
from evonas.space import INACTIVE, SearchSpace

EMBEDDING_SIZE = 16
"""Numbers that stand for one (decision, value) pair."""
SMALL = 256
"""Number of rows up to which no library starts a second thread: those of a proposal."""


@dataclass(frozen=True)
class Scores:
    """How likely candidates are under the network; all values are zero where a decision does not exist."""

    log_probabilities: torch.Tensor
    """[candidates, decisions]: log-probability of the chosen value, given the decisions before it."""
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
        self.embedding = _parameter(count * width + 1, EMBEDDING_SIZE)
        self.head = _parameter(count, width, hidden_units)
        self.bias = _parameter(count, width)
        self._width = width
        self.start = count * width
        """The row of the embedding that is read before the first decision."""
        self._cardinalities = np.array(space.cardinalities)
        self._no_value = torch.from_numpy(np.arange(width) >= self._cardinalities[:, np.newaxis])
        self._recurrence: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._recurrence_of = 0
        """Of which version of the weights that is."""
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

    def rollout(self, rows: int) -> Rollout:
        """Start ``rows`` empty candidates."""
        return _NetworkRollout(self, rows)

    def cardinality(self, position: int) -> int:
        """Return how many values the decision at ``position`` has."""
        return int(self._cardinalities[position])

    def tokens(self, position: NDArray[np.int64] | int, choices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of the embedding that stand for ``choices`` at ``position``."""
        return position * self._width + choices

    def recurrence(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what each token adds to the gates, [gates, tokens, units], and the state to them all: [units, gates x
        units]. Computed anew when the weights have changed.
        """
        version = sum(weights._version for weights in self.lstm.parameters()) + self.embedding._version
        if self._recurrence is None or self._recurrence_of != version:
            from_input, from_hidden, input_bias, hidden_bias = self.lstm.parameters()
            # For this product, NumPy would start a second thread, which then busy-waits for more and occupies a core.
            with single_threaded(), torch.no_grad():
                # One of the four gates is a tanh, 2 s(2x) - 1, so that the sigmoids s of all four are one operation.
                scale = torch.tensor([1.0, 1.0, 2.0, 1.0], dtype=torch.float64).repeat_interleave(self.lstm.hidden_size)
                inputs = torch.addmm(input_bias + hidden_bias, self.embedding, from_input.T).mul_(scale)
                of_gates = inputs.view(-1, 4, self.lstm.hidden_size).transpose(0, 1)
                self._recurrence = of_gates.contiguous().numpy(), (from_hidden.T * scale).contiguous().numpy()
            self._recurrence_of = version
        return self._recurrence

    def score(self, choices: NDArray[np.int64]) -> Scores:
        """Return how likely the candidates are, with gradients; ``choices`` is [candidates, decisions]."""
        active = choices != INACTIVE
        steps = np.maximum(active.cumsum(axis=1) - 1, 0)
        hidden = run_lstm(self.lstm, torch.nn.functional.embedding(self._inputs(choices, active), self.embedding))
        at_decision = hidden
        if not active.all():
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
        # Whatever is to the right of the last active decision is read after every step that counts.
        tokens = self.tokens(order, np.maximum(np.take_along_axis(choices, order, axis=1), 0))
        longest = int(active.sum(axis=1).max())
        start = np.full((len(choices), 1), self.start)
        return torch.from_numpy(np.concatenate([start, tokens[:, : longest - 1]], axis=1))


class _Lstm(torch.nn.LSTM):
    """An LSTM whose weights are not drawn from PyTorch's global generator."""

    # Not through the meta device, which imports a computer algebra system: seconds and tens of MB.
    def reset_parameters(self) -> None:
        """Leave the weights to ``PolicyNetwork``."""


class _NetworkRollout:
    """In NumPy, which has less overhead per small operation than PyTorch: the arrays share the parameters' memory."""

    def __init__(self, network: PolicyNetwork, rows: int) -> None:
        self._network = network
        self._heads, self._biases = network.head.detach().numpy(), network.bias.detach().numpy()
        self._inputs, self._recurrent = network.recurrence()
        self._hidden = self._cell = np.zeros((rows, network.lstm.hidden_size))
        self._hidden, self._cell = self._step(np.full(rows, network.start))

    def logits(self, position: int, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        values = self._network.cardinality(position)
        logits = _product(self._hidden[rows], self._heads[position, :values].T)
        logits += self._biases[position, :values]
        return logits

    def append(self, position: int, choices: NDArray[np.int64], active: NDArray[np.bool_]) -> None:
        hidden, cell = self._step(self._network.tokens(position, np.maximum(choices, 0)))
        if not active.all():
            keep = active[:, np.newaxis]
            hidden, cell = np.where(keep, hidden, self._hidden), np.where(keep, cell, self._cell)
        self._hidden, self._cell = hidden, cell

    def _step(self, tokens: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return hidden and cell state once each row has read its token."""
        rows, size = self._hidden.shape
        # One gate after another: operations on what lies together in memory take a third of the time.
        gates = self._inputs.take(tokens, axis=1)
        gates += _product(self._hidden, self._recurrent).reshape(rows, 4, size).swapaxes(0, 1)
        enters, stays, change, leaves = _sigmoid(gates, rows)
        enters *= _doubled(change)
        cell = stays * self._cell
        cell += enters
        hidden = _doubled(_sigmoid(cell * 2, rows))
        hidden *= leaves
        return hidden, cell


def _doubled(sigmoids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Overwrite 2 s(2x) with tanh x."""
    sigmoids *= 2
    sigmoids -= 1
    return sigmoids


def _product(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply matrices, large ones in PyTorch: NumPy would wake a thread that then busy-waits and occupies a core."""
    if len(left) <= SMALL:
        small: NDArray[np.float64] = left @ right
        return small
    with single_threaded():
        large: NDArray[np.float64] = torch.mm(torch.from_numpy(left), torch.from_numpy(right)).numpy()
    return large


def _sigmoid(numbers: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """Overwrite the numbers of some rows with their sigmoids.

    In PyTorch: NumPy has none, and its tanh takes several times as long.
    """
    tensor = torch.from_numpy(numbers)
    if rows <= SMALL:
        tensor.sigmoid_()
    else:
        with single_threaded():
            tensor.sigmoid_()
    return numbers


def _parameter(*shape: int) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.empty(*shape, dtype=torch.float64))
