"""The network's LSTM: torch's own, without a graph of its steps."""

from __future__ import annotations

import pytest
import torch

from evonas.agents.neural.recurrence import run_lstm
from evonas.agents.torch_threads import single_threaded


@pytest.mark.parametrize(
    ("sequences", "steps", "units"), [(10, 20, 32), (1, 5, 32), (10, 1, 32), (7, 13, 5), (3, 4, 1), (2, 128, 100)]
)
def test_states_and_gradients_are_those_of_torchs_lstm(sequences: int, steps: int, units: int) -> None:
    draw = torch.Generator().manual_seed(0)
    lstm = torch.nn.LSTM(16, units, batch_first=True, dtype=torch.float64)
    inputs = torch.randn(sequences, steps, 16, generator=draw, dtype=torch.float64, requires_grad=True)
    # As in the policy, what is learned from is picked out of the hidden states.
    rows, picked = torch.arange(sequences)[:, None], torch.randint(steps, (sequences, steps), generator=draw)
    factors = torch.randn(sequences, steps, units, generator=draw, dtype=torch.float64)
    found = []
    with single_threaded():
        for hidden in (lstm(inputs)[0], run_lstm(lstm, inputs)):
            gradients = torch.autograd.grad((hidden[rows, picked] * factors).sum(), [inputs, *lstm.parameters()])
            found.append([hidden, *gradients])
    # Bit for bit where it was written; other processors may add up in another order.
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
