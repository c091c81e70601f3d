"""Random crops and flips of a whole batch at once, on the device where the images lie. What is random about an epoch is
drawn first, for all its images: every device gets the same, and a GPU gets it in one piece.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

Draws = tuple[Tensor, ...]
"""What is random about each image, along the first dimension: none for no augmentation, bool (n, 1) for whether it is
flipped, then for crops where: int64 (n, 2, 1), rows and columns of a padded image, or float32 (n, 4), a box."""

_PADDING_SHARE = 8
"""Images are padded by an eighth of their side (4 pixels of 32) before a crop of the original size is taken."""

_ATTEMPTS = 10
_AREAS = (0.08, 1.0)
_RATIOS = (3 / 4, 4 / 3)
"""Of a random resized crop: Szegedy et al., arXiv 1409.4842, with the figures of torchvision's RandomResizedCrop."""


def draw(count: int, stored: int, side: int, kind: str, generator: torch.Generator) -> Draws:
    """Draw for this many images of ``stored`` pixels that are to have ``side``; ``kind`` is one of AUGMENTATIONS."""
    if kind == "none":
        return ()
    flipped = torch.rand(count, 1, generator=generator) < 0.5
    if kind == "flip":
        return (flipped,)
    if stored > side:
        return flipped, _boxes(count, stored, generator)
    return flipped, torch.randint(0, 2 * margin(side) + 1, (2, count, 1), generator=generator).transpose(0, 1)


def augment(pixels: Tensor, side: int, kind: str, draws: Draws) -> Tensor:
    """Return images of ``side`` pixels, (n, channels, side, side), each changed by its draws.

    Images of this size are padded and cropped. Of larger ones, ``crop`` takes a box of any size and scales it, the
    other kinds take the centre.
    """
    if pixels.shape[-1] > side:
        pixels = _resized(pixels, side, draws[1]) if kind in ("crop", "crop_flip") else centre(pixels, side)
        kind = {"crop": "none", "crop_flip": "flip"}.get(kind, kind)
    if kind == "none":
        return pixels
    count = len(pixels)
    rows = columns = torch.arange(side, device=pixels.device).expand(count, side)
    if kind in ("flip", "crop_flip"):
        columns = torch.where(draws[0], side - 1 - columns, columns)
    if kind in ("crop", "crop_flip"):
        rows, columns = rows + draws[1][:, 0], columns + draws[1][:, 1]
        pixels = functional.pad(pixels, (margin(side),) * 4)
    images = torch.arange(count, device=pixels.device)[:, None, None]
    # The indexed dimensions come first, the untouched channels last.
    return pixels.permute(0, 2, 3, 1)[images, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def centre(pixels: Tensor, side: int) -> Tensor:
    """Return the middle of the images."""
    before = round((pixels.shape[-1] - side) / 2)
    return pixels[..., before : before + side, before : before + side]


def margin(side: int) -> int:
    """Return how far an image of this side is padded before it is cropped."""
    return max(1, side // _PADDING_SHARE)


def _boxes(count: int, stored: int, generator: torch.Generator) -> Tensor:
    """Draw boxes of (top, left, height, width) in pixels: of several attempts the first that fits, or else all."""
    shape = (count, _ATTEMPTS)
    areas = torch.empty(shape).uniform_(*_AREAS, generator=generator) * stored**2
    ratios = torch.empty(shape).uniform_(*map(math.log, _RATIOS), generator=generator).exp()
    sizes = torch.stack([(areas / ratios).sqrt().round(), (areas * ratios).sqrt().round()], 2)
    fits = (sizes <= stored).all(2) & (sizes > 0).all(2)
    first = fits.int().argmax(1)
    chosen = torch.where(fits.any(1)[:, None], sizes[torch.arange(count), first], float(stored))
    corners = (torch.rand(count, 2, generator=generator) * (stored - chosen + 1)).floor()
    return torch.cat([corners, chosen], 1)


def _resized(pixels: Tensor, side: int, boxes: Tensor) -> Tensor:
    """Return the boxes of the images, scaled to ``side``, float32. Boxes are hardly larger than ``side`` (stored images
    are by a seventh), so scaling down needs no smoothing first."""
    stored = pixels.shape[-1]
    middles = (torch.arange(side, device=pixels.device) + 0.5) / side
    # From pixels to -1 (the first one's outer edge) to 1, as grid_sample wants them.
    rows, columns = (
        (boxes[:, first, None] + middles * boxes[:, first + 2, None]) * (2 / stored) - 1 for first in (0, 1)
    )
    grid = torch.stack((columns[:, None, :].expand(-1, side, -1), rows[:, :, None].expand(-1, -1, side)), 3)
    return functional.grid_sample(pixels.float(), grid, padding_mode="border", align_corners=False)
