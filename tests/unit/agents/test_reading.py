"""The network's reading of candidates: that of torch's own LSTM and heads, without a graph of its steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from evonas.agents.neural.network import PolicyNetwork
from evonas.agents.neural.weights import EMBEDDING_SIZE
from evonas.agents.torch_threads import single_threaded
from evonas.space import INACTIVE, SearchSpace

from .support import CONDITIONAL, counting_space
from .test_network import trained_by_chance

UNEVEN = SearchSpace.parse([{"name": f"d{k}", "values": list(range(1 + k % 5))} for k in range(13)])
LONG = SearchSpace.parse([{"name": f"d{k}", "values": [1, 2]} for k in range(128)])
SPACES = [counting_space(4), CONDITIONAL, UNEVEN, LONG]


def read_by_torch(
    network: PolicyNetwork, choices: NDArray[np.int64]
) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """Return log-probabilities, entropies, [candidates, decisions] each, and all weights by the names of Parts."""
    weights = {name: torch.tensor(part, requires_grad=True) for name, part in network.parts._asdict().items()}
    units = weights["from_hidden"].shape[1]
    lstm = torch.nn.LSTM(EMBEDDING_SIZE, units, batch_first=True, dtype=torch.float64)
    names = ("from_input", "from_hidden", "input_bias", "hidden_bias")
    of_lstm = {name: weights[ours] for (name, _), ours in zip(lstm.named_parameters(), names, strict=True)}
    log_probabilities, entropies = (torch.zeros(choices.shape, dtype=torch.float64) for _ in range(2))
    for row, candidate in enumerate(choices.tolist()):
        active = [position for position, choice in enumerate(candidate) if choice != INACTIVE]
        tokens = [network.start]
        tokens += [int(network.tokens(position, np.array(candidate[position]))) for position in active[:-1]]
        hidden, _ = torch.func.functional_call(lstm, of_lstm, (weights["embedding"][None, tokens],))
        for step, position in enumerate(active):
            values = network.cardinality(position)
            logits = weights["head"][position, :values] @ hidden[0, step] + weights["bias"][position, :values]
            likely = torch.log_softmax(logits, 0)
            log_probabilities[row, position] = likely[candidate[position]]
            entropies[row, position] = -(likely.exp() * likely).sum()
    return log_probabilities, entropies, [*weights.values()]


@pytest.mark.parametrize("space", SPACES, ids=["counting", "conditional", "uneven", "long"])
@pytest.mark.parametrize(("candidates", "units"), [(1, 8), (10, 8), (7, 1), (2, 100)])
def test_likelihoods_and_gradients_are_those_of_torchs_lstm(space: SearchSpace, candidates: int, units: int) -> None:
    network = trained_by_chance(space, units)
    choices = np.array([space.unrank(space.size * (2 * row + 1) // (2 * candidates)) for row in range(candidates)])
    factors = torch.randn(2, *choices.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with single_threaded():
        scores = network.score(choices)
        *theirs, weights = read_by_torch(network, choices)
        (ours,) = torch.autograd.grad(
            (torch.stack([scores.log_probabilities, scores.entropies]) * factors).sum(), [network.weights]
        )
        gradients = torch.autograd.grad((torch.stack(theirs) * factors).sum(), weights)
    torch.testing.assert_close([scores.log_probabilities, scores.entropies], theirs, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(ours, torch.cat([each.flatten() for each in gradients]), rtol=1e-10, atol=1e-12)
