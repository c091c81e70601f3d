"""A part of a data set as training sees it: in memory, or as files that are decoded during training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Images in memory, as the bytes they were read as."""

    pixels: Tensor
    """uint8, (n, channels, side, side)."""
    labels: Tensor
    """int64, (n,), from 0."""

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, indexes: Tensor) -> Images:
        """Return some of the images, in this order."""
        return Images(self.pixels[indexes], self.labels[indexes])


@dataclass(frozen=True)
class Files:
    """Image files of any size."""

    paths: Sequence[Path]
    labels: Tensor
    """int64, (n,), from 0."""

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, indexes: Tensor) -> Files:
        """Return some of the images, in this order."""
        return Files([self.paths[index] for index in indexes.tolist()], self.labels[indexes])


Part = Images | Files


def joined(first: Part, second: Part) -> Part:
    """Return two parts of one data set as one."""
    labels = torch.cat([first.labels, second.labels])
    if isinstance(first, Images) and isinstance(second, Images):
        return Images(torch.cat([first.pixels, second.pixels]), labels)
    if isinstance(first, Files) and isinstance(second, Files):
        return Files([*first.paths, *second.paths], labels)
    raise TypeError("images in memory and files are never parts of one data set")


@dataclass(frozen=True)
class Normalization:
    """What is subtracted from each channel, and what it is divided by, in units of a byte."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


IMAGENET = Normalization((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
"""The figures that published ImageNet models use."""


def normalization(part: Part) -> Normalization:
    """Return the mean and deviation of images in memory; ImageNet's for files, to avoid reading them twice."""
    if isinstance(part, Files):
        return IMAGENET
    # From a histogram: exact, and 256 counts instead of a copy of all pixels as numbers.
    values = torch.arange(256, dtype=torch.float64)
    means, deviations = [], []
    for channel in part.pixels.unbind(1):
        shares = torch.bincount(channel.flatten(), minlength=256).double() / channel.numel()
        mean = float(shares @ values)
        means.append(mean)
        deviations.append(float(shares @ (values - mean) ** 2) ** 0.5)
    # A constant channel carries no information, and must not become infinite.
    return Normalization(tuple(means), tuple(deviation or 1.0 for deviation in deviations))
