"""Batches of a part of the data: entirely on the device if it fits, decoded by workers if it consists of files. Order
and augmentation of a step depend only on (seed, epoch, step), so a resumed training sees the same images as an
uninterrupted one, and needs no saved random state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from evonas_trial.data.images import Files, Images, Normalization, Part
from evonas_trial.training.augmentation import Draws, augment, draw
from evonas_trial.training.decoding import ImageFiles
from evonas_trial.training.hardware import Hardware, derived_seed

Batch = tuple[Tensor, Tensor]

_SHARE_OF_FREE_MEMORY = 0.5
"""The rest is for the network, its gradients and activations."""


class Batches(Protocol):
    """A part in batches of normalized images on the device, float32, with labels, int64."""

    def __len__(self) -> int:
        """Return the number of steps of an epoch."""

    def shuffled(self, epoch: int, first_step: int) -> Iterator[Batch]:
        """Yield an epoch's augmented batches from a step on; an incomplete last batch is left for another epoch."""

    def ordered(self) -> Iterator[Batch]:
        """Yield all images once, as they are."""


def make(
    part: Part,
    normalization: Normalization,
    hardware: Hardware,
    *,
    batch_size: int,
    seed: int,
    augmentation: str = "none",
    side: int,
    workers: int = 0,
) -> Batches:
    """Return the batches of a part; ``side`` and ``workers`` matter for files only."""
    order = _Order(len(part), min(batch_size, len(part)), seed)
    if isinstance(part, Images):
        return _InMemory(part, normalization, hardware, order, augmentation)
    return _Decoded(part, normalization, hardware, order, augmentation, side, workers)


class _Order:
    """Which images form which batch."""

    def __init__(self, images: int, batch_size: int, seed: int) -> None:
        self.images, self.batch_size, self.seed = images, batch_size, seed

    def __len__(self) -> int:
        return self.images // self.batch_size

    def permutation(self, epoch: int) -> Tensor:
        """Return the images in the order of an epoch."""
        generator = torch.Generator().manual_seed(derived_seed(self.seed, epoch))
        return torch.randperm(self.images, generator=generator)

    def shuffled(self, epoch: int) -> Sequence[Tensor]:
        """Return the images of each batch of an epoch; an incomplete last batch is left for another epoch."""
        return torch.split(self.permutation(epoch), self.batch_size)[: len(self)]

    def ordered(self) -> Sequence[Tensor]:
        return torch.split(torch.arange(self.images), self.batch_size)


class _Normalizer:
    """From bytes to numbers of mean 0 and deviation 1, on the device."""

    def __init__(self, normalization: Normalization, hardware: Hardware) -> None:
        self._hardware = hardware
        self._mean = torch.tensor(normalization.mean, device=hardware.device).view(1, -1, 1, 1)
        self._scale = 1 / torch.tensor(normalization.deviation, device=hardware.device).view(1, -1, 1, 1)

    def __call__(self, pixels: Tensor) -> Tensor:
        images = pixels.to(torch.float32, memory_format=self._hardware.memory_format)
        return images.sub_(self._mean).mul_(self._scale)


class _InMemory:
    def __init__(
        self, part: Images, normalization: Normalization, hardware: Hardware, order: _Order, augmentation: str
    ) -> None:
        self._hardware, self._order, self._augmentation = hardware, order, augmentation
        self._normalized = _Normalizer(normalization, hardware)
        free = hardware.free_bytes()
        if free is not None and part.pixels.nbytes <= _SHARE_OF_FREE_MEMORY * free:
            part = Images(part.pixels.to(hardware.device), part.labels.to(hardware.device))
        self._part = part

    def __len__(self) -> int:
        return len(self._order)

    def shuffled(self, epoch: int, first_step: int) -> Iterator[Batch]:
        # One transfer to a GPU for the whole epoch: each makes the host wait for all of the GPU's pending work.
        device, size = self._part.labels.device, self._order.batch_size
        order = self._order.permutation(epoch).to(device)
        side = self._part.pixels.shape[-1]
        generator = torch.Generator().manual_seed(derived_seed(self._order.seed, epoch, 0))
        draws = Draws(*(drawn.to(device) for drawn in draw(len(order), side, generator)))
        for step in range(first_step, len(self)):
            chosen = slice(step * size, (step + 1) * size)
            images = self._part.chosen(order[chosen])
            pixels = augment(images.pixels, self._augmentation, draws.of(chosen))
            yield self._normalized(self._hardware.sent(pixels)), self._hardware.sent(images.labels)

    def ordered(self) -> Iterator[Batch]:
        parts = (torch.split(part, self._order.batch_size) for part in (self._part.pixels, self._part.labels))
        for pixels, labels in zip(*parts, strict=True):
            yield self._normalized(self._hardware.sent(pixels)), self._hardware.sent(labels)


class _Decoded:
    def __init__(
        self,
        part: Files,
        normalization: Normalization,
        hardware: Hardware,
        order: _Order,
        augmentation: str,
        side: int,
        workers: int,
    ) -> None:
        self._part, self._hardware, self._order, self._workers = part, hardware, order, workers
        self._augmentation, self._side = augmentation, side
        self._normalized = _Normalizer(normalization, hardware)

    def __len__(self) -> int:
        return len(self._order)

    def shuffled(self, epoch: int, first_step: int) -> Iterator[Batch]:
        batches = self._order.shuffled(epoch)[first_step:]
        seeded = [[(i, derived_seed(self._order.seed, epoch, i)) for i in batch.tolist()] for batch in batches]
        yield from self._loaded(seeded, self._augmentation)

    def ordered(self) -> Iterator[Batch]:
        yield from self._loaded([[(i, 0) for i in batch.tolist()] for batch in self._order.ordered()], "centre")

    def _loaded(self, batches: list[list[tuple[int, int]]], change: str) -> Iterator[Batch]:
        loader = DataLoader(
            ImageFiles(self._part, self._side, change),
            batch_sampler=batches,
            num_workers=self._workers,
            pin_memory=self._hardware.device.type == "cuda",
        )
        for pixels, labels in loader:
            device = self._hardware.device
            yield self._normalized(pixels.to(device, non_blocking=True)), labels.to(device, non_blocking=True)
