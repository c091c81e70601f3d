"""The network that a candidate describes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from torch import nn

from evonas_trial.cnn.feasibility import IMAGE_SIDE
from evonas_trial.cnn.settings import Settings
from evonas_trial.data import CLASSES

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "swish": nn.SiLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
# How much larger the weights start where the activation flattens what passes through it (4: a sigmoid's slope is 1/4).
_GAINS = {"tanh": 5 / 3, "sigmoid": 4.0}


def build(settings: Settings) -> nn.Sequential:
    """Return the network, (n, 1, 8, 8) to (n, 10) logits, its weights drawn from torch's current random state."""
    model = nn.Sequential(*_features(settings), nn.Flatten(), *_classifier(settings))
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            _initialise(module, settings.activation)
    return model


def parameters(model: nn.Module) -> int:
    """Return the number of trained weights."""
    return sum(weights.numel() for weights in model.parameters())


def _features(settings: Settings) -> Iterator[nn.Module]:
    channels = [1, *(settings.width * 2**block for block in range(settings.blocks))]
    for (before, after), kernel in zip(pairwise(channels), settings.kernels, strict=True):
        # Batch normalisation has a bias of its own.
        yield nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=not settings.batch_norm)
        if settings.batch_norm:
            yield nn.BatchNorm2d(after)
        yield _ACTIVATIONS[settings.activation]()
        yield nn.MaxPool2d(2)


def _classifier(settings: Settings) -> Iterator[nn.Module]:
    side = IMAGE_SIDE >> settings.blocks
    features = settings.width * 2 ** (settings.blocks - 1) * side**2
    if settings.hidden:
        yield nn.Linear(features, settings.hidden)
        yield _ACTIVATIONS[settings.activation]()
        features = settings.hidden
    yield nn.Dropout(settings.dropout)
    yield nn.Linear(features, CLASSES)


def _initialise(module: nn.Conv2d | nn.Linear, activation: str) -> None:
    if activation in _GAINS:
        nn.init.xavier_uniform_(module.weight, _GAINS[activation])
    else:
        nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
    if module.bias is not None:
        nn.init.zeros_(module.bias)
