"""Detects candidates that cannot be built from their settings alone, without reading data or spending GPU time."""

from __future__ import annotations

from evonas_trial.cnn.settings import Architecture
from evonas_trial.data.catalogue import Shape
from evonas_trial.training.recipe import Recipe


def obstacle(network: Architecture, recipe: Recipe, shape: Shape) -> str | None:
    """Return why the network cannot be built or trained; None if it can."""
    strides = [("the stem", network.stem_stride), *((f"block {n}", s) for n, s in _strides(network))]
    side = shape.side
    for place, stride in strides:
        if stride == 2 and side == 1:
            return f"{place} halves an image of 1 pixel: a side of {shape.side} is used up by the strides before it"
        side = -(-side // stride)
    if network.normalization == "batch" and recipe.batch_size == 1 and side == 1:
        return "batch normalization of one pixel needs a batch_size of 2 or more"
    return None


def _strides(network: Architecture) -> list[tuple[int, int]]:
    return [(number, block.stride) for number, block in enumerate(network.blocks, 1) if block.layers]
