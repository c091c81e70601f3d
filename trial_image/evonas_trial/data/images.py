"""A part of a data set as training sees it: its images in memory or in a memory map, or files that are decoded during
training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

_PIECE_BYTES = 64 * 2**20
"""How much of a memory map is copied at once on the way to a device."""


@dataclass(frozen=True)
class Normalization:
    """What is subtracted from each channel, and what it is divided by, in units of a byte."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


IMAGENET = Normalization((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
"""The figures that published ImageNet models use."""


class Images:
    """Images as the bytes they were read as."""

    def __init__(self, pixels: Tensor, labels: Tensor, rows: Tensor | None = None) -> None:
        """``pixels`` are uint8, (n, channels, side, side), ``labels`` int64, (n,), from 0.

        With ``rows``, ``pixels`` are a memory map of decoded files, of which these rows are the part. They stay where
        they are until they are asked for: a part costs eight bytes for each image, beside its label.
        """
        self._stored, self.labels, self._rows = pixels, labels, rows

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def is_mapped(self) -> bool:
        """Whether the images are those of files, and lie in a memory map."""
        return self._rows is not None

    @property
    def side(self) -> int:
        """Height and width in pixels; of decoded files it may be larger than what a network sees."""
        return self._stored.shape[-1]

    @property
    def nbytes(self) -> int:
        """What the pixels take in memory."""
        return len(self) * self._stored[:1].nbytes

    @property
    def pixels(self) -> Tensor:
        """uint8, (n, channels, side, side); copied into memory at each use if they are mapped."""
        return self._stored if self._rows is None else self._stored[self._rows]

    def chosen(self, indexes: Tensor | slice) -> Images:
        """Return some of the images, in this order."""
        if self._rows is None:
            return Images(self._stored[indexes], self.labels[indexes])
        return Images(self._stored, self.labels[indexes], self._rows[indexes])

    def to(self, device: torch.device) -> Images:
        """Return the same images in the memory of a device, copied piece by piece if they are mapped."""
        if self._rows is None:
            return Images(self._stored.to(device), self.labels.to(device))
        pixels = torch.empty((len(self), *self._stored.shape[1:]), dtype=torch.uint8, device=device)
        size = max(1, _PIECE_BYTES // self._stored[:1].nbytes)
        for piece, rows in zip(torch.split(pixels, size), torch.split(self._rows, size), strict=True):
            piece.copy_(self._stored[rows])
        return Images(pixels, self.labels.to(device))

    def followed_by(self, other: Images) -> Images:
        """Return the images of both."""
        labels = torch.cat([self.labels, other.labels])
        if self._rows is not None and other._rows is not None and self._stored is other._stored:
            return Images(self._stored, labels, torch.cat([self._rows, other._rows]))
        return Images(torch.cat([self.pixels, other.pixels]), labels)


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
    if isinstance(first, Images) and isinstance(second, Images):
        return first.followed_by(second)
    if isinstance(first, Files) and isinstance(second, Files):
        return Files([*first.paths, *second.paths], torch.cat([first.labels, second.labels]))
    raise TypeError("images in memory and files are never parts of one data set")


def normalization(part: Part) -> Normalization:
    """Return the mean and deviation of images in memory; ImageNet's for files, to avoid reading them twice, and so for
    those that are decoded already."""
    if isinstance(part, Files) or part.is_mapped:
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
