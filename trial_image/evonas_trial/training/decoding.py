"""Image files decoded and changed at random during training, by the workers of ``batches``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import default_collate

from evonas_trial.data.decoding import decoded, squared
from evonas_trial.data.images import Files
from evonas_trial.data.workers import each
from evonas_trial.training.augmentation import margin

Seeded = tuple[int, int]
"""An image's index, and the seed of its random changes."""


def batches(
    part: Files, chosen: Sequence[Sequence[Seeded]], side: int, change: str, workers: int, *, pin_memory: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the pixels, uint8, and the labels of each batch. ``change`` is one of recipe.AUGMENTATIONS; raises
    DataMissing."""
    return each(_Changed(part, side, change), chosen, workers, pin_memory=pin_memory)


class _Changed:
    """A batch of images, each decoded and changed as its seed says."""

    def __init__(self, part: Files, side: int, change: str) -> None:
        # Imported here: it takes seconds, and only files need it.
        from torchvision.transforms import v2  # noqa: PLC0415

        self._part, self._side = part, side
        self._crops = change.startswith("crop")
        # As images in memory are cropped: see augmentation.
        self._exact = v2.RandomCrop(side, padding=margin(side)) if self._crops else v2.Identity()
        self._other = v2.RandomResizedCrop(side) if self._crops else v2.CenterCrop(side)
        self._flipped = v2.RandomHorizontalFlip() if change.endswith("flip") else v2.Identity()

    def __call__(self, batch: Sequence[Seeded]) -> tuple[Tensor, Tensor]:
        indexes = torch.tensor([index for index, _ in batch])
        return default_collate([self._image(*item) for item in batch]), self._part.labels[indexes]

    def _image(self, index: int, seed: int) -> Tensor:
        image = decoded(self._part.paths[index])
        # Not torch.manual_seed, which is slow: see Hardware.seed.
        torch.default_generator.manual_seed(seed)
        if image.shape[1:] == (self._side, self._side):
            image = self._exact(image)
        else:
            image = self._other(image if self._crops else squared(image, self._side))
        flipped: Tensor = self._flipped(image)
        return flipped
