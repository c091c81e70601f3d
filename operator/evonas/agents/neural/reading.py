"""How likely the network thinks candidates are, and the gradient of that.

At this size a graph of some hundred operations takes several times as long as what they compute. Here there is none:
what can be is done for all steps at once, and what depends on the step before takes as few operations as possible. A
test compares values and gradients with ``torch.nn.LSTM``'s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.agents.neural.operations import Operations
from evonas.agents.neural.weights import GATES, Floats, Layout, Parts


@dataclass(frozen=True)
class Text:
    """What is read: candidates, each with its active decisions moved together to the left."""

    tokens: NDArray[np.int64]
    """[steps, candidates]: the row of the embedding that each step reads."""
    steps: NDArray[np.int64]
    """[decisions, candidates]: after which step a decision is made."""
    exists: NDArray[np.bool_]
    """[decisions, candidates]"""
    taken: NDArray[np.int64]
    """[decisions, candidates]: the chosen value, anything where the decision does not exist."""


class Reading:
    """A network's reading of candidates."""

    def __init__(
        self, layout: Layout, weights: Parts, text: Text, no_value: NDArray[np.bool_], operations: Operations
    ) -> None:
        """Read; ``no_value`` is [decisions, values]."""
        self._layout = layout
        self._weights = weights
        self._text = text
        self._operations = operations
        self._columns = np.arange(text.tokens.shape[1])
        self._run()
        at_decisions = self._hidden[1:][text.steps, self._columns]
        logits = operations.multiply_each(at_decisions, weights.head.swapaxes(1, 2))
        logits += weights.bias[:, np.newaxis]
        np.copyto(logits, -1e9, where=no_value[:, np.newaxis])
        logits -= logits.max(axis=2, keepdims=True)
        likely = np.exp(logits)
        totals = likely.sum(axis=2, keepdims=True)
        logits -= np.log(totals)
        likely /= totals
        self._at_decisions, self._log_likely, self._likely = at_decisions, logits, likely
        taken = np.take_along_axis(logits, text.taken[..., np.newaxis], axis=2)[..., 0]
        self.log_probabilities = taken * text.exists
        """[decisions, candidates], zero where a decision does not exist."""
        self.entropies = -np.einsum("dcv,dcv->dc", likely, logits) * text.exists
        """[decisions, candidates], of the heads, in nats."""

    def gradient(self, of_log_probabilities: Floats, of_entropies: Floats) -> Floats:
        """Return the gradient by the weights, given that by both results: [decisions, candidates] each."""
        text, weights, units, do = self._text, self._weights, self._layout.units, self._operations
        found = np.zeros(self._layout.size)
        parts = self._layout.parts(found)
        of_taken, of_entropies = of_log_probabilities * text.exists, of_entropies * text.exists
        of_logits = (of_taken + of_entropies * self.entropies)[..., np.newaxis] + of_entropies[..., np.newaxis] * (
            self._log_likely
        )
        of_logits *= -self._likely
        grid = np.ogrid[: len(of_taken), : of_taken.shape[1]]
        of_logits[*grid, text.taken] += of_taken
        parts.head[:] = do.multiply_each(of_logits.swapaxes(1, 2), self._at_decisions)
        parts.bias[:] = of_logits.sum(axis=1)
        of_hidden = np.zeros_like(self._bounded)
        places = text.steps * len(self._columns) + self._columns
        do.add_rows(of_hidden, places, do.multiply_each(of_logits, weights.head))
        of_sums = self._back(of_hidden).reshape(-1, GATES * units)
        parts.from_input[:] = do.multiply(of_sums.T, self._inputs)
        parts.from_hidden[:] = do.multiply(of_sums.T, self._hidden[:-1].reshape(-1, units))
        parts.input_bias[:] = parts.hidden_bias[:] = of_sums.sum(axis=0)
        do.add_rows(parts.embedding, text.tokens, do.multiply(of_sums, weights.from_input))
        return found

    def _run(self) -> None:
        """Run the LSTM from zero: hidden and cell states begin with those before the first step."""
        text, weights, units = self._text, self._weights, self._layout.units
        steps, candidates = text.tokens.shape
        self._inputs = weights.embedding[text.tokens.ravel()]
        self._gates = of_inputs(weights, self._inputs, self._operations).reshape(steps, candidates, GATES, units)
        self._hidden, self._cells = np.zeros((2, steps + 1, candidates, units))
        self._bounded = np.empty((steps, candidates, units))
        recurrent = of_state(weights)
        for step in range(steps):
            gates = self._gates[step]
            gates += (self._hidden[step] @ recurrent).reshape(gates.shape)
            self._operations.sigmoid(gates)
            enters, stays, change, leaves = gates.swapaxes(0, 1)
            to_tanh(change)
            cell = np.multiply(stays, self._cells[step], out=self._cells[step + 1])
            cell += enters * change
            bounded = np.tanh(cell, out=self._bounded[step])
            np.multiply(leaves, bounded, out=self._hidden[step + 1])

    def _back(self, of_hidden: Floats) -> Floats:
        """Return the gradient by the gates' sums, [steps, candidates, gates, units], given that by hidden states."""
        enters, stays, change, leaves = np.moveaxis(self._gates, 2, 0)
        # What the gradient of the cell or, for the last, of the hidden state is multiplied by.
        factors = self._gates * (1 - self._gates)
        factors[:, :, 2] = 1 - np.square(change)
        factors *= np.stack([change, self._cells[:-1], enters, self._bounded], axis=2)
        through = leaves * (1 - np.square(self._bounded))
        from_hidden = self._weights.from_hidden
        of_later, of_cell = np.zeros_like(of_hidden[0]), np.zeros_like(of_hidden[0])
        for step in reversed(range(len(factors))):
            of_state = of_hidden[step]
            of_state += of_later
            of_cell += of_state * through[step]
            of_gates = factors[step]
            of_gates[:, :3] *= of_cell[:, np.newaxis]
            of_gates[:, 3] *= of_state
            of_cell *= stays[step]
            of_later = of_gates.reshape(len(of_gates), -1) @ from_hidden
        return factors


TANH_SCALE = np.array([1.0, 1.0, 2.0, 1.0])
"""Of the gates' sums: a tanh is 2 s(2x) - 1, so that all four gates are one operation."""


def of_inputs(weights: Parts, inputs: Floats, operations: Operations) -> Floats:
    """Return what inputs, [inputs, embedding], add to the gates' scaled sums: [inputs, gates x units]."""
    sums = operations.multiply(inputs, weights.from_input.T)
    sums += weights.input_bias + weights.hidden_bias
    sums *= _scale(weights)
    return sums


def of_state(weights: Parts) -> Floats:
    """Return what the state is multiplied by for these sums: [units, gates x units]."""
    recurrent: Floats = weights.from_hidden.T * _scale(weights)
    return recurrent


def to_tanh(sigmoids: Floats) -> Floats:
    """Overwrite s(2x) with tanh x."""
    sigmoids *= 2
    sigmoids -= 1
    return sigmoids


def _scale(weights: Parts) -> Floats:
    return np.repeat(TANH_SCALE, weights.from_hidden.shape[1])
