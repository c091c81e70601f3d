"""Decoded images as files: ``pixels``, the bytes of all images one after the other, and ``cache.json``, which says how
many and how large they are. Neither is ever changed.
"""

from __future__ import annotations

import json
import mmap
import os
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from evonas_trial.data import decoding
from evonas_trial.data.workers import each

CHECKED_BYTES = 256 * 2**20
"""Up to here, the bytes are compared with their checksum: the training needs them in memory anyway, and the sum takes a
fraction of a second. Of more, only the number is."""

_BATCH = 32


class Damaged(Exception):
    """What is stored is not what was written there."""


@dataclass(frozen=True)
class Description:
    """What ``cache.json`` says."""

    images: int
    side: int
    checksum: int | None = None
    """zlib.crc32 of the pixels, if they are few enough to be compared with it each time."""

    @property
    def size(self) -> int:
        """Bytes of all pixels."""
        return 3 * self.images * self.side**2


def side_of(paths: Sequence[Path], side: int) -> int:
    """Return the side that images are stored with for a network that sees ``side``: this one, if that is the size of
    each, so that they stay as they are, or else that of ``squared``; raises DataMissing for a file that is no image.
    """
    return side if all(decoding.is_exactly(path, side) for path in paths) else decoding.larger(side)


def write(folder: Path, paths: Sequence[Path], side: int, stored: int, workers: int) -> None:
    """Store images for a network that sees ``side``, with the side that ``side_of`` says. Raises DataMissing for a file
    that is no image, OSError if the volume is full.
    """
    pixels = folder / "pixels"
    description = Description(len(paths), stored)
    with pixels.open("wb+") as file:
        file.truncate(description.size)
        firsts = range(0, len(paths), _BATCH)
        batches = [range(first, min(first + _BATCH, len(paths))) for first in firsts]
        for _ in each(_Storing(paths, pixels, side, stored), batches, workers):
            pass
        # What the processes could not write, to a network volume say, is told here at the latest.
        os.fsync(file.fileno())
        if description.size <= CHECKED_BYTES:
            description = replace(description, checksum=zlib.crc32(file.read()))
    with (folder / "cache.json").open("w", encoding="utf-8") as text:
        json.dump(asdict(description), text)
        text.flush()
        os.fsync(text.fileno())
    for path in (pixels, folder / "cache.json"):
        path.chmod(0o444)


@dataclass(frozen=True)
class _Storing:
    """What each process does with a few images: decode them and write them, so that it has nothing to hand over."""

    paths: Sequence[Path]
    pixels: Path
    side: int
    stored: int

    def __call__(self, images: range) -> int:
        decoded = [self._image(self.paths[index]) for index in images]
        # Not through a memory map: on a full volume, that would kill the process.
        with self.pixels.open("rb+") as file:
            file.seek(images.start * decoded[0].numel())
            file.write(torch.stack(decoded).numpy().tobytes())
        return len(images)

    def _image(self, path: Path) -> Tensor:
        image = decoding.decoded(path)
        return image if self.stored == self.side else decoding.squared(image, self.side)


def read(folder: Path, images: int, side: int) -> Tensor:
    """Return a memory map of so many images for a network that sees ``side``, (n, 3, stored side, stored side). Raises
    FileNotFoundError if there is nothing, Damaged if it is something else.
    """
    try:
        found = Description(**json.loads((folder / "cache.json").read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise Damaged(f"cache.json: {error}") from error
    if found.images != images or found.side not in (side, decoding.larger(side)):
        raise Damaged(f"it has {found.images} images of {found.side} pixels, not {images} for {side} pixels")
    with (folder / "pixels").open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size != found.size:
            raise Damaged(f"it has {size} bytes, not {found.size}")
        # Not torch.from_file: what could be written to, though nobody does, must fit into the node's memory.
        pixels = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    if found.checksum is not None and zlib.crc32(pixels) != found.checksum:
        raise Damaged("the checksum is another")
    with warnings.catch_warnings():
        # torch warns of memory that it may not write to, and nothing does.
        warnings.simplefilter("ignore", UserWarning)
        return torch.frombuffer(pixels, dtype=torch.uint8).view(-1, 3, found.side, found.side)
