"""Starts from another network's weights, as far as they fit."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn


def load_matching(model: nn.Module, file: Path) -> float:
    """Copy every tensor of a safetensors file that has a name and shape of the model's.

    Returns the share of the model's weights that were loaded, 0 to 1. Raises OSError for a file that cannot be read
    and safetensors' error for one of another format.
    """
    found = load_file(file)
    own = model.state_dict()
    matching = {name: found[name] for name in own if name in found and found[name].shape == own[name].shape}
    with torch.no_grad():
        for name, values in matching.items():
            own[name].copy_(values)
    weights = dict(model.named_parameters())
    loaded = sum(weights[name].numel() for name in matching if name in weights)
    return loaded / sum(values.numel() for values in weights.values())
