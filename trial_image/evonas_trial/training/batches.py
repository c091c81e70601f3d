"""Batches of a part of the data: entirely on the device if it fits, decoded by workers if it consists of files. Order
and augmentation of a step depend only on (seed, epoch, step), so a resumed training sees the same images as an
uninterrupted one, and needs no saved random state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from evonas_trial.data.images import Files, Images, Normalization, Part
from evonas_trial.training import decoding
from evonas_trial.training.augmentation import augment, draw
from evonas_trial.training.hardware import Hardware, derived_seed

Batch = tuple[Tensor, Tensor]
"""Normalized images on the device, float32, with labels, int64."""

Source = tuple[Tensor, ...]
"""What a batch is made of: which images with which augmentation, or the images' bytes. Those of one kind and size have
tensors of the same shapes."""

_SHARE_OF_FREE_MEMORY = 0.5
"""The rest is for the network, its gradients and activations."""


class Batches(Protocol):
    """A part in batches. What they are made of is apart from the making, so that this can be part of a recorded step
    (see ``replay``): it only computes, on the device."""

    @property
    def images(self) -> int:
        """How many there are."""

    @property
    def batch_size(self) -> int:
        """Images of a step."""

    def __len__(self) -> int:
        """Return the number of steps of an epoch."""

    def shuffled(self, epoch: int, first_step: int) -> Iterator[Source]:
        """Yield an epoch's augmented batches from a step on; an incomplete last batch is left for another epoch."""

    def ordered(self) -> Iterator[Source]:
        """Yield all images once, as they are."""

    def made(self, *source: Tensor) -> Batch:
        """Return the batch that is made of a source."""


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
    """Return the batches of a part, of images of ``side`` pixels; ``workers`` matter for files only."""
    order = _Order(len(part), min(batch_size, len(part)), seed)
    if isinstance(part, Images):
        return _InMemory(part, normalization, hardware, order, augmentation, side)
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

    def ordered(self, device: torch.device | None = None) -> Sequence[Tensor]:
        """Return all images as they are, batch by batch, on a device (by default the CPU)."""
        return torch.split(torch.arange(self.images, device=device), self.batch_size)


class _Normalizer:
    """From bytes to numbers of mean 0 and deviation 1, on the device."""

    def __init__(self, normalization: Normalization, hardware: Hardware) -> None:
        self._hardware = hardware
        self._mean = torch.tensor(normalization.mean, device=hardware.device).view(1, -1, 1, 1)
        self._scale = 1 / torch.tensor(normalization.deviation, device=hardware.device).view(1, -1, 1, 1)

    def __call__(self, pixels: Tensor) -> Tensor:
        # In place: they are a copy of the bytes, or what scaling has just made of one.
        images = pixels.to(torch.float32, memory_format=self._hardware.memory_format)
        return images.sub_(self._mean).mul_(self._scale)


class _Ordered:
    """What batches of images in memory and of files have in common."""

    def __init__(
        self, normalization: Normalization, hardware: Hardware, order: _Order, augmentation: str, side: int
    ) -> None:
        self._hardware, self._order, self._augmentation, self._side = hardware, order, augmentation, side
        self._normalized = _Normalizer(normalization, hardware)

    @property
    def images(self) -> int:
        return self._order.images

    @property
    def batch_size(self) -> int:
        return self._order.batch_size

    def __len__(self) -> int:
        return len(self._order)


class _InMemory(_Ordered):
    """A source has the positions of the images and their draws; where they do not fit on the device, the images."""

    def __init__(
        self,
        part: Images,
        normalization: Normalization,
        hardware: Hardware,
        order: _Order,
        augmentation: str,
        side: int,
    ) -> None:
        super().__init__(normalization, hardware, order, augmentation, side)
        free = hardware.free_bytes()
        if free is not None and part.nbytes <= _SHARE_OF_FREE_MEMORY * free:
            part = part.to(hardware.device)
        self._part = part
        self._is_on_device = part.labels.device.type == hardware.device.type

    def shuffled(self, epoch: int, first_step: int) -> Iterator[Source]:
        generator = torch.Generator().manual_seed(derived_seed(self._order.seed, epoch, 0))
        draws = draw(self._order.images, self._part.side, self._side, self._augmentation, generator)
        # One transfer to a GPU for the whole epoch: each makes the host wait for all of the GPU's pending work.
        device, size = self._part.labels.device, self._order.batch_size
        epochs_own = [drawn.to(device) for drawn in (self._order.permutation(epoch), *draws)]
        for step in range(first_step, len(self)):
            chosen, *drawn = (tensor[step * size : (step + 1) * size] for tensor in epochs_own)
            yield self._source(chosen, *drawn)

    def ordered(self) -> Iterator[Source]:
        for chosen in self._order.ordered(self._part.labels.device):
            yield self._source(chosen)

    def made(self, *source: Tensor) -> Batch:
        if self._is_on_device:
            images, draws = self._part.chosen(source[0]), source[1:]
        else:
            images, draws = Images(source[0], source[1]), source[2:]
        kind = self._augmentation if draws else "none"
        return self._normalized(augment(images.pixels, self._side, kind, draws)), images.labels

    def _source(self, chosen: Tensor, *draws: Tensor) -> Source:
        if self._is_on_device:
            return chosen, *draws
        images = self._part.chosen(chosen)
        return tuple(self._hardware.sent(tensor) for tensor in (images.pixels, images.labels, *draws))


class _Decoded(_Ordered):
    """A source has the decoded bytes and the labels."""

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
        super().__init__(normalization, hardware, order, augmentation, side)
        self._part, self._workers = part, workers

    def shuffled(self, epoch: int, first_step: int) -> Iterator[Source]:
        batches = self._order.shuffled(epoch)[first_step:]
        seeded = [[(i, derived_seed(self._order.seed, epoch, i)) for i in batch.tolist()] for batch in batches]
        yield from self._loaded(seeded, self._augmentation)

    def ordered(self) -> Iterator[Source]:
        yield from self._loaded([[(i, 0) for i in batch.tolist()] for batch in self._order.ordered()], "centre")

    def made(self, *source: Tensor) -> Batch:
        pixels, labels = source
        return self._normalized(pixels), labels

    def _loaded(self, batches: list[list[tuple[int, int]]], change: str) -> Iterator[Source]:
        device = self._hardware.device
        pinned = device.type == "cuda"
        for source in decoding.batches(self._part, batches, self._side, change, self._workers, pin_memory=pinned):
            yield tuple(tensor.to(device, non_blocking=True) for tensor in source)
