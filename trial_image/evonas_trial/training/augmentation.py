"""Random crops and flips of a whole batch at once, on the device where the images lie."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

_PADDING_SHARE = 8
"""Images are padded by an eighth of their side (4 pixels of 32) before a crop of the original size is taken."""


class Draws(NamedTuple):
    """What is random about each image."""

    flipped: Tensor
    """bool, (n, 1)."""
    offsets: Tensor
    """int64, (2, n, 1): of rows and columns."""

    def of(self, images: slice) -> Draws:
        """Return those of some images."""
        return Draws(self.flipped[images], self.offsets[:, images])


def draw(count: int, side: int, generator: torch.Generator) -> Draws:
    """Draw for this many images, on the CPU: every device gets the same, and an epoch's are copied to a GPU at once."""
    flipped = torch.rand(count, 1, generator=generator) < 0.5
    return Draws(flipped, torch.randint(0, 2 * _margin(side) + 1, (2, count, 1), generator=generator))


def augment(pixels: Tensor, kind: str, draws: Draws) -> Tensor:
    """Return the images, (n, channels, side, side), each changed by its own draws, which are on the same device.

    ``kind`` is one of recipe.AUGMENTATIONS.
    """
    if kind == "none":
        return pixels
    count, _, side, _ = pixels.shape
    rows = columns = torch.arange(side, device=pixels.device).expand(count, side)
    if kind in ("flip", "crop_flip"):
        columns = torch.where(draws.flipped, side - 1 - columns, columns)
    if kind in ("crop", "crop_flip"):
        rows, columns = rows + draws.offsets[0], columns + draws.offsets[1]
        pixels = functional.pad(pixels, (_margin(side),) * 4)
    images = torch.arange(count, device=pixels.device)[:, None, None]
    # The indexed dimensions come first, the untouched channels last.
    return pixels.permute(0, 2, 3, 1)[images, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _margin(side: int) -> int:
    return max(1, side // _PADDING_SHARE)
