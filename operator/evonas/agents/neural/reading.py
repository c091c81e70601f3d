"""How likely the network thinks candidates are, and the gradient of that. Imports PyTorch.

At this size a graph of some hundred operations takes several times as long as what they compute. Here there is none:
what can be is done for all steps at once, and what depends on the step before takes as few operations as possible. A
test compares values and gradients with ``torch.nn.LSTM``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

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

    def __init__(self, layout: Layout, weights: Parts, text: Text, no_value: NDArray[np.bool_]) -> None:
        """Read; ``no_value`` is [decisions, values]."""
        self._layout = layout
        self._weights = weights
        self._text = text
        self._columns = np.arange(text.tokens.shape[1])
        self._run()
        at_decisions = self._hidden[1:][text.steps, self._columns]
        logits = _batched(at_decisions, weights.head.swapaxes(1, 2))
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
        text, weights, units = self._text, self._weights, self._layout.units
        found = np.zeros(self._layout.size)
        parts = self._layout.parts(found)
        of_taken, of_entropies = of_log_probabilities * text.exists, of_entropies * text.exists
        of_logits = (of_taken + of_entropies * self.entropies)[..., np.newaxis] + of_entropies[..., np.newaxis] * (
            self._log_likely
        )
        of_logits *= -self._likely
        places = np.ogrid[: len(of_taken), : of_taken.shape[1]]
        of_logits[*places, text.taken] += of_taken
        parts.head[:] = _batched(of_logits.swapaxes(1, 2), self._at_decisions)
        parts.bias[:] = of_logits.sum(axis=1)
        of_hidden = np.zeros_like(self._bounded)
        _add_rows(of_hidden, text.steps * len(self._columns) + self._columns, _batched(of_logits, weights.head))
        of_sums = self._back(of_hidden).reshape(-1, GATES * units)
        parts.from_input[:] = multiply(of_sums.T, self._inputs)
        parts.from_hidden[:] = multiply(of_sums.T, self._hidden[:-1].reshape(-1, units))
        parts.input_bias[:] = parts.hidden_bias[:] = of_sums.sum(axis=0)
        _add_rows(parts.embedding, text.tokens, multiply(of_sums, weights.from_input))
        return found

    def _run(self) -> None:
        """Run the LSTM from zero: hidden and cell states begin with those before the first step."""
        text, weights, units = self._text, self._weights, self._layout.units
        steps, candidates = text.tokens.shape
        self._inputs = weights.embedding[text.tokens.ravel()]
        self._gates = of_inputs(weights, self._inputs).reshape(steps, candidates, GATES, units)
        self._hidden, self._cells = np.zeros((2, steps + 1, candidates, units))
        self._bounded = np.empty((steps, candidates, units))
        recurrent = of_state(weights)
        for step in range(steps):
            gates = self._gates[step]
            gates += (self._hidden[step] @ recurrent).reshape(gates.shape)
            torch.from_numpy(gates).sigmoid_()
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


TANH_SCALE = np.array([1.0, 1.0, 2.0, 1.0])
"""Of the gates' sums: a tanh is 2 s(2x) - 1, so that all four gates are one operation."""


def of_inputs(weights: Parts, inputs: Floats) -> Floats:
    """Return what inputs, [inputs, embedding], add to the gates' scaled sums: [inputs, gates x units]."""
    sums = multiply(inputs, weights.from_input.T)
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


def multiply(left: Floats, right: Floats) -> Floats:
    """Multiply matrices in PyTorch: NumPy would wake a second thread for large ones, which then busy-waits and occupies
    a core.
    """
    product: Floats = torch.mm(torch.from_numpy(left), torch.from_numpy(right)).numpy()
    return product


def _batched(left: Floats, right: Floats) -> Floats:
    product: Floats = torch.bmm(torch.from_numpy(left), torch.from_numpy(right)).numpy()
    return product


def _add_rows(total: Floats, rows: NDArray[np.int64], more: Floats) -> None:
    """Add vectors to those rows of an array."""
    flat, units = torch.from_numpy(total).view(-1, total.shape[-1]), more.shape[-1]
    flat.index_add_(0, torch.from_numpy(rows.ravel()), torch.from_numpy(more.reshape(-1, units)))
