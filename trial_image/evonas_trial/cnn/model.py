"""The network that a candidate describes."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from evonas_trial.cnn.layers import Convolution, Layer, initialise
from evonas_trial.cnn.settings import Architecture
from evonas_trial.data.catalogue import Shape


def build(network: Architecture, shape: Shape) -> nn.Sequential:
    """Return the network, (n, channels, side, side) to (n, classes) logits, weights drawn from torch's random state."""
    model = nn.Sequential(*_parts(network, shape))
    initialise(model, network.activation)
    return model


def _parts(network: Architecture, shape: Shape) -> Iterator[nn.Module]:
    normalization, activation = network.normalization, network.activation
    channels = network.stem_filters
    yield Convolution(
        shape.channels, channels, 3, network.stem_stride, normalization=normalization, activation=activation
    )
    for block in network.blocks:
        layers = []
        for number in range(block.layers):
            stride = block.stride if number == 0 else 1
            layers.append(Layer(channels, block, stride, normalization=normalization, activation=activation))
            channels = block.filters
        yield nn.Sequential(*layers)
    if network.head_filters:
        yield Convolution(channels, network.head_filters, 1, normalization=normalization, activation=activation)
        channels = network.head_filters
    yield nn.AdaptiveAvgPool2d(1)
    yield nn.Flatten()
    yield nn.Dropout(network.dropout)
    yield nn.Linear(channels, shape.classes)
