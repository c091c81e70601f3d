"""From a data set's name to its parts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from numpy.typing import NDArray

from evonas_trial.data import catalogue, cifar, digits, folder, idx, places
from evonas_trial.data.cache import Cache
from evonas_trial.data.catalogue import DataSet
from evonas_trial.data.images import Images, Part
from evonas_trial.data.places import DataMissing
from evonas_trial.data.split import stratified, subset

_FORMATS: dict[str, Any] = {"digits": digits, "mnist": idx, "fashion-mnist": idx, "cifar10": cifar, "folder": folder}


@dataclass(frozen=True)
class Located:
    """A data set whose files were found."""

    data_set: DataSet
    folder: Path
    cache: Cache | None = None
    """Where the images of a folder are kept decoded."""

    def development(
        self, *, split_seed: int, validation_share: float | None = None, limit: int | None = None
    ) -> tuple[Part, Part]:
        """Return the training and the validation part; the test files are not opened.

        Each class is divided in the same proportion. ``limit`` keeps about that many training images, all classes in
        proportion. Raises DataMissing for files that are not as expected.
        """
        whole = self._read("development")
        labels = whole.labels.numpy()
        share = self.data_set.validation_share if validation_share is None else validation_share
        kept, held_out = stratified(labels, share, split_seed)
        if not len(held_out):
            raise DataMissing(f"{self.folder}: a share of {share} of {len(labels)} images leaves none for validation")
        if limit is not None:
            kept = kept[subset(labels[kept], limit, split_seed)]
        return whole.chosen(torch.from_numpy(kept)), whole.chosen(torch.from_numpy(held_out))

    def test(self) -> Part:
        """Return the test part, which is only for the final score of a winner."""
        return self._read("test")

    def _read(self, part: str) -> Part:
        shape = self.data_set.shape
        if self.data_set.name == catalogue.FOLDER:
            files = folder.read(self.folder, part, shape.classes)
            return self.cache.images(files, self.folder, part, shape.side) if self.cache else files
        read: Callable[[Path, str], tuple[NDArray[numpy.uint8], ...]] = _FORMATS[self.data_set.name].read
        pixels, labels = read(self.folder, part)
        if pixels.shape[1:] != (shape.channels, shape.side, shape.side):
            raise DataMissing(f"{self.folder}: images of {pixels.shape[1:]}, not those of {self.data_set.name}")
        if not len(labels) or labels.max() >= shape.classes:
            raise DataMissing(f"{self.folder}: the {part} labels are not those of {shape.classes} classes")
        # Copied: torch warns about arrays that it may not write to.
        return Images(torch.from_numpy(pixels.copy()), torch.from_numpy(labels.astype(numpy.int64)))


def locate(data_set: DataSet, named: str | None, cache: Cache | None = None) -> Located:
    """Find a data set's files on this machine; raises DataMissing, which says what to put where."""
    return Located(data_set, places.find(data_set, named, _FORMATS[data_set.name].complete, os.environ), cache)
