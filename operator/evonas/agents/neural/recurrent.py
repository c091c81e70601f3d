"""The network of the policy that learns: an LSTM that makes one decision after another, a softmax over each decision's
values.

A step reads the embedding of the candidate's previous active decision (or a start token) and returns the logits of the
next; decisions that do not exist for a candidate are skipped. The heads are initialised to zero, so that a new network
is exactly the uniform policy (Evo-NAS begins as evolution, Maziarz et al., arXiv 1811.09828). In float64: rounding
differs between processors, and the difference, even amplified by training, must stay far too small to change a draw, or
a search restored on another node would diverge.
"""

from __future__ import annotations

import math
from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray

from evonas.agents.neural.operations import Operations
from evonas.agents.neural.reading import Reading, Text, of_inputs, of_state, to_tanh
from evonas.agents.neural.weights import GATES, Floats, Layout
from evonas.agents.policy import Rollout
from evonas.agents.randomness import Purpose, uniforms
from evonas.space import INACTIVE, SearchSpace

SMALL = 256
"""Number of rows up to which no library starts a second thread: those of a proposal."""


class Network:
    """A ``Policy`` with weights, which are at first a function of (space, seed, hidden units)."""

    def __init__(self, space: SearchSpace, seed: int, hidden_units: int, operations: Operations) -> None:
        self.operations = operations
        count, width = len(space), max(space.cardinalities)
        self._layout = Layout(count, width, hidden_units)
        self.numbers = np.zeros(self._layout.size)
        """All weights."""
        self.parts = self._layout.parts(self.numbers)
        """Views of the same memory."""
        self.version = 0
        """Changes with the weights."""
        self._width = width
        self.start = count * width
        """The row of the embedding that is read before the first decision."""
        self._cardinalities = np.array(space.cardinalities)
        self._no_value = np.arange(width) >= self._cardinalities[:, np.newaxis]
        self._recurrence: tuple[Floats, Floats] | None = None
        self._recurrence_of = 0
        """Of which version of the weights that is."""
        self._initialise(seed, hidden_units)

    def _initialise(self, seed: int, hidden_units: int) -> None:
        *of_lstm, embedding, _, _ = self.parts
        # PyTorch's own range for the LSTM; ±1 for the embedding as in Abolafia et al.'s code. The heads stay zero.
        ranges = [(part, 1 / math.sqrt(hidden_units)) for part in of_lstm]
        for number, (part, reach) in enumerate([*ranges, (embedding, 1.0)]):
            part[:] = (2 * uniforms(seed, Purpose.WEIGHTS, number, part.shape) - 1) * reach

    def rollout(self, rows: int) -> Rollout:
        """Start ``rows`` empty candidates."""
        return _NetworkRollout(self, rows)

    def cardinality(self, position: int) -> int:
        """Return how many values the decision at ``position`` has."""
        return int(self._cardinalities[position])

    def tokens(self, position: NDArray[np.int64] | int, choices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of the embedding that stand for ``choices`` at ``position``."""
        return position * self._width + choices

    def recurrence(self) -> tuple[Floats, Floats]:
        """Return what each token adds to the gates, [gates, tokens, units], and the state to them all: [units, gates x
        units]. Computed anew when the weights have changed.
        """
        if self._recurrence is None or self._recurrence_of != self.version:
            with self.operations.alone():
                inputs = of_inputs(self.parts, self.parts.embedding, self.operations)
            of_gates = np.ascontiguousarray(inputs.reshape(-1, GATES, self._layout.units).swapaxes(0, 1))
            self._recurrence = of_gates, np.ascontiguousarray(of_state(self.parts))
            self._recurrence_of = self.version
        return self._recurrence

    def read(self, choices: NDArray[np.int64]) -> Reading:
        """Read candidates, [candidates, decisions]."""
        active = choices != INACTIVE
        text = Text(
            tokens=self._inputs(choices, active),
            steps=np.maximum(active.cumsum(axis=1) - 1, 0).T,
            exists=active.T,
            taken=np.maximum(choices, 0).T,
        )
        return Reading(self._layout, self.parts, text, self._no_value, self.operations)

    def uniform_entropies(self, choices: NDArray[np.int64]) -> Floats:
        """Return what uniform heads would have, in nats: [candidates, decisions], zero where one does not exist."""
        entropies: Floats = (choices != INACTIVE) * np.log(self._cardinalities)
        return entropies

    def _inputs(self, choices: NDArray[np.int64], active: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return what each step reads: [steps, candidates], active decisions moved together to the left."""
        order = np.argsort(~active, axis=1, kind="stable")
        # Whatever is to the right of the last active decision is read after every step that counts.
        tokens = self.tokens(order, np.maximum(np.take_along_axis(choices, order, axis=1), 0))
        longest = int(active.sum(axis=1).max())
        start = np.full((len(choices), 1), self.start)
        return np.concatenate([start, tokens[:, : longest - 1]], axis=1).T


class _NetworkRollout:
    """Small operations are NumPy's, which have less overhead than PyTorch's; the arrays share the weights' memory."""

    def __init__(self, network: Network, rows: int) -> None:
        self._network = network
        self._heads, self._biases = network.parts.head, network.parts.bias
        self._inputs, self._recurrent = network.recurrence()
        self._hidden = self._cell = np.zeros((rows, network.parts.head.shape[2]))
        self._hidden, self._cell = self._step(np.full(rows, network.start))

    def logits(self, position: int) -> Floats:
        values = self._network.cardinality(position)
        logits = self._product(self._hidden, self._heads[position, :values].T)
        logits += self._biases[position, :values]
        return logits

    def append(self, position: int, choices: NDArray[np.int64], active: NDArray[np.bool_]) -> None:
        hidden, cell = self._step(self._network.tokens(position, np.maximum(choices, 0)))
        if not active.all():
            keep = active[:, np.newaxis]
            hidden, cell = np.where(keep, hidden, self._hidden), np.where(keep, cell, self._cell)
        self._hidden, self._cell = hidden, cell

    def _step(self, tokens: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return hidden and cell state once each row has read its token."""
        rows, size = self._hidden.shape
        # One gate after another: operations on what lies together in memory take a third of the time.
        gates = self._inputs.take(tokens, axis=1)
        gates += self._product(self._hidden, self._recurrent).reshape(rows, GATES, size).swapaxes(0, 1)
        enters, stays, change, leaves = self._sigmoid(gates)
        enters *= to_tanh(change)
        cell = stays * self._cell
        cell += enters
        hidden = to_tanh(self._sigmoid(cell * 2))
        hidden *= leaves
        return hidden, cell

    def _product(self, left: Floats, right: Floats) -> Floats:
        if len(left) <= SMALL:
            small: Floats = left @ right
            return small
        with self._network.operations.alone():
            return self._network.operations.multiply(left, right)

    def _sigmoid(self, numbers: Floats) -> Floats:
        """Overwrite the numbers with their sigmoids."""
        with nullcontext() if len(self._hidden) <= SMALL else self._network.operations.alone():
            self._network.operations.sigmoid(numbers)
        return numbers
