"""Random crops and flips of a whole batch at once, on the device where the images lie."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_PADDING_SHARE = 8
"""Images are padded by an eighth of their side (4 pixels of 32) before a part of the old size is cut out."""


def augment(pixels: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Return the images, (n, channels, side, side), each changed by its own draws from the CPU ``generator``.

    ``kind`` is one of recipe.AUGMENTATIONS. The draws are few and made on the CPU, so every device sees the same.
    """
    if kind == "none":
        return pixels
    count, _, side, _ = pixels.shape
    columns = torch.arange(side).expand(count, side)
    rows = columns
    if kind in ("flip", "crop_flip"):
        flipped = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(flipped, side - 1 - columns, columns)
    if kind in ("crop", "crop_flip"):
        margin = max(1, side // _PADDING_SHARE)
        offsets = torch.randint(0, 2 * margin + 1, (2, count, 1), generator=generator)
        rows, columns = rows + offsets[0], columns + offsets[1]
        pixels = functional.pad(pixels, (margin,) * 4)
    rows, columns = rows.to(pixels.device), columns.to(pixels.device)
    images = torch.arange(count, device=pixels.device)[:, None, None]
    # The indexed dimensions come first, the untouched channels last.
    return pixels.permute(0, 2, 3, 1)[images, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
