"""An LSTM's steps and their gradients, bit for bit as ``torch.nn.LSTM`` computes them on a CPU. Imports PyTorch.

At this size, a graph of some hundred operations takes several times as long as what they compute. Here there is none,
and what can be is done for all steps at once. NumPy adds and multiplies, since it has less overhead; PyTorch, whose
rounding is meant to be kept, does the rest. A test compares the two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def run_lstm(lstm: torch.nn.LSTM, inputs: Tensor) -> Tensor:
    """Return the hidden states of a single layer: [sequences, steps, inputs] to [sequences, steps, units]."""
    from_input, from_hidden, input_bias, hidden_bias = lstm.parameters()
    read = torch.nn.functional.linear(inputs.transpose(0, 1), from_input, input_bias)
    hidden: Tensor = _Recurrence.apply(read, from_hidden, hidden_bias)
    return hidden.transpose(0, 1)


class _Recurrence(torch.autograd.Function):
    """From what is read, [steps, sequences, 4 units], to the hidden states: [steps, sequences, units].

    The gates are those of what enters the cell, of what stays in it, the change itself, and that of what leaves it. An
    array shares the memory of the tensor that its name begins with.
    """

    @staticmethod
    def forward(ctx: Any, read: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
        steps, sequences, units = len(read), read.shape[1], weights.shape[1]
        gates = read.new_empty(steps, sequences, 4, units)
        # Hidden and cell states begin with those before the first step.
        hidden, cells = read.new_zeros(2, steps + 1, sequences, units)
        bounded = read.new_empty(steps, sequences, units)
        read_array, gates_array, sums_array = read.detach().numpy(), gates.numpy(), gates.flatten(2).numpy()
        hidden_array, cells_array, bounded_array = hidden.numpy(), cells.numpy(), bounded.numpy()
        recurrent = weights.t()
        tensors = zip(hidden, gates.flatten(2), *gates.unbind(2), cells[1:], bounded, strict=False)
        for step, (state, sums, enters, stays, change, leaves, cell, bound) in enumerate(tensors):
            torch.addmm(bias, state, recurrent, out=sums)
            sums_array[step] += read_array[step]
            enters.sigmoid_()
            stays.sigmoid_()
            change.tanh_()
            leaves.sigmoid_()
            gate = gates_array[step]
            np.multiply(gate[:, 1], cells_array[step], out=cells_array[step + 1])
            cells_array[step + 1] += gate[:, 0] * gate[:, 2]
            torch.tanh(cell, out=bound)
            np.multiply(gate[:, 3], bounded_array[step], out=hidden_array[step + 1])
        ctx.save_for_backward(weights, gates, bounded, hidden, cells)
        states: Tensor = hidden[1:]
        return states

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weights, gates, bounded, hidden, cells = ctx.saved_tensors
        of_sums = torch.empty_like(gates).flatten(2)
        of_later, of_weights = torch.zeros_like(hidden[0]), torch.zeros_like(weights)
        enters, stays, change, leaves = gates.unbind(2)
        # A gate's sum has the gradient of the cell or the hidden state times these three, in this order.
        factors = torch.stack([change, cells[:-1], enters, bounded], dim=2).numpy()
        slopes, rest = 1 - gates, gates.clone()
        slopes[:, :, 2], rest[:, :, 2] = _tanh_slope(change), 1
        slopes_array, rest_array, bounded_slopes = slopes.numpy(), rest.numpy(), _tanh_slope(bounded).numpy()
        of_states, of_gates, of_later_array = gradients[0].numpy(), of_sums.view(gates.shape).numpy(), of_later.numpy()
        stays_array, leaves_array = stays.contiguous().numpy(), leaves.contiguous().numpy()
        of_cell = np.zeros(of_later.shape)
        for step, of_sum, state in reversed([*zip(range(len(gates)), of_sums, hidden, strict=False)]):
            of_state = of_states[step] + of_later_array
            through = of_state * leaves_array[step]
            through *= bounded_slopes[step]
            of_cell += through
            of_gate = of_gates[step]
            np.multiply(of_cell[:, None], factors[step, :, :3], out=of_gate[:, :3])
            np.multiply(of_state, factors[step, :, 3], out=of_gate[:, 3])
            of_gate *= slopes_array[step]
            of_gate *= rest_array[step]
            of_cell *= stays_array[step]
            torch.mm(of_sum, weights, out=of_later)
            of_weights += of_sum.t() @ state
        # In the order in which a graph is walked back, the last step first.
        return of_sums, of_weights, of_sums.sum(1).flip(0).cumsum(0)[-1]


def _tanh_slope(values: Tensor) -> Tensor:
    slope: Tensor = torch.ops.aten.tanh_backward(torch.ones_like(values), values)
    return slope
