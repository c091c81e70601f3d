"""The data of the shipped training programs: scikit-learn's 1,797 handwritten digits, which need no download.

The split is one and the same for every trial, whatever its seed: rewards are comparable, and what chose the winner
(validation) is never what judges it (test).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy
import torch
from torch import Tensor

SPLIT_SEED = 0
HELD_OUT_SHARE = 0.2
"""Share of each digit's images in validation, and again in test."""

CLASSES = 10

_SIDE = 8
_FULL_INK = 16


@dataclass(frozen=True)
class Images:
    """A part of the data."""

    pixels: Tensor
    """float32, (n, 1, 8, 8), standardised by the training part's mean and deviation."""
    labels: Tensor
    """int64, (n,), 0..9."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Digits:
    """The stratified parts, on the CPU."""

    training: Images
    validation: Images
    test: Images


def load() -> Digits:
    """Return the digits in their fixed parts; FileNotFoundError where scikit-learn is not installed."""
    pixels, labels = _read()
    training, validation, test = _split(labels)
    mean, deviation = pixels[training].mean(), pixels[training].std()
    standardised = (pixels - mean) / deviation
    return Digits(*(Images(standardised[part], labels[part]) for part in (training, validation, test)))


def _read() -> tuple[Tensor, Tensor]:
    """Return all pixels, (n, 1, 8, 8) from 0 to 1, and labels, as ``sklearn.datasets.load_digits`` would.

    That function is not called since importing scikit-learn takes two seconds, a third of a whole trial.
    """
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("the digits come with scikit-learn: install it (pip install 'evonas[trial]')")
    path = Path(package.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    table = torch.from_numpy(numpy.loadtxt(path, delimiter=",", dtype=numpy.float32))
    return table[:, :-1].reshape(-1, 1, _SIDE, _SIDE) / _FULL_INK, table[:, -1].long()


def _split(labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the indexes of training, validation and test images, each digit divided alike."""
    random = torch.Generator().manual_seed(SPLIT_SEED)
    parts: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
    for digit in range(CLASSES):
        own = (labels == digit).nonzero().flatten()
        shuffled = own[torch.randperm(len(own), generator=random)]
        held_out = round(HELD_OUT_SHARE * len(own))
        sizes = [len(own) - 2 * held_out, held_out, held_out]
        for part, indexes in zip(parts, torch.split(shuffled, sizes), strict=True):
            part.append(indexes)
    training, validation, test = (torch.cat(part) for part in parts)
    return training, validation, test
