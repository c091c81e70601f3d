"""Starts a network from the weights of another one, as far as they fit."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

State = Mapping[str, Tensor]
"""A network's ``state_dict``."""


def inherit(model: nn.Module, parent: State, *, slices: bool) -> float:
    """Copy every tensor of the parent's that has a name and shape of the model's; with ``slices``, also the channels
    that two tensors of different widths both have.

    Returns the share of the model's weights that were copied, 0 to 1.
    """
    weights = {name for name, _ in model.named_parameters()}
    copied = 0
    with torch.no_grad():
        for name, values in model.state_dict().items():
            if name not in parent or not _fits(values, parent[name], slices):
                continue
            # Without dimensions, as a counter, it is the whole.
            common = tuple(slice(min(sizes)) for sizes in zip(values.shape, parent[name].shape, strict=True))
            target = values[common]
            target.copy_(parent[name][common])
            copied += target.numel() if name in weights else 0
    return copied / sum(values.numel() for values in model.parameters())


def _fits(own: Tensor, other: Tensor, slices: bool) -> bool:
    # The first two dimensions are channels; the corner of a kernel is no smaller kernel.
    return own.shape == other.shape or (slices and own.dim() == other.dim() and own.shape[2:] == other.shape[2:])
