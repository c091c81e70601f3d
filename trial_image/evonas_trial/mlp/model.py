"""The network that a candidate describes."""

from __future__ import annotations

from torch import nn

from evonas_trial.data.catalogue import Shape
from evonas_trial.mlp.settings import Network

_ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "relu": nn.ReLU}


def build(network: Network, shape: Shape) -> nn.Sequential:
    """Return the network, (n, channels, side, side) to (n, classes) logits, weights drawn from torch's random state."""
    hidden = network.hidden_size
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(shape.channels * shape.side**2, hidden),
        nn.BatchNorm1d(hidden) if network.batch_norm else nn.Identity(),
        _ACTIVATIONS[network.activation](),
        nn.Linear(hidden, shape.classes),
    )
