"""What is trained: networks, batches and images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn

from evonas_trial.cnn.model import build
from evonas_trial.cnn.settings import read
from evonas_trial.data import catalogue
from evonas_trial.data.catalogue import DataSet
from evonas_trial.data.images import Images
from evonas_trial.training import measures
from evonas_trial.training.choosing import Settings, Work, choose
from evonas_trial.training.recipe import Recipe
from tests.trial_image.released import A1

LARGE_IMAGES = 4096

LONG = 100_000
"""Steps of the training that settings are chosen for: what is measured is a part of it."""


@dataclass(frozen=True)
class Case:
    """A network and how it is trained."""

    name: str
    decisions: Mapping[str, Any]
    large: bool = False
    """On made-up images of ImageNet's size instead of Fashion-MNIST."""

    @property
    def batch_size(self) -> int:
        """Images of a step."""
        return int(self.decisions["batch_size"])

    @property
    def data_set(self) -> DataSet:
        """Return what the network is built for."""
        return catalogue.folder(224, 1000) if self.large else catalogue.FASHION_MNIST

    def recipe(self, epochs: int) -> Recipe:
        """Return how it is trained for this long."""
        return read(dict(self.decisions) | {"epochs": epochs}, {})[1]

    def model(self) -> nn.Module:
        """Return a network with fresh weights."""
        return build(read(dict(self.decisions) | {"epochs": 1}, {})[0], self.data_set.shape)

    @cached_property
    def settings(self) -> Settings:
        """Return those of a long training."""
        counted = measures.static(self.model(), self.data_set.shape).multiply_adds
        return choose(Work(counted, self.batch_size, LONG))


REGULAR = {"blocks": 2, "stem_stride": 2, "batch_size": 64}
INVERTED = {"blocks": 3, "op": "inverted", "stem_stride": 2, "se": 0.25, "batch_size": 64}

ON_CPU = (
    Case("regular, 2 blocks", REGULAR),
    Case("inverted, 3 blocks", INVERTED),
    Case("regular, augmented", REGULAR | {"augmentation": "crop_flip"}),
)
ON_GPU = (
    *ON_CPU,
    Case("regular, 2 blocks", REGULAR | {"batch_size": 512}),
    Case("inverted, 3 blocks", INVERTED | {"batch_size": 512}),
    Case("MnasNet's A1, 224 px", A1 | {"batch_size": 128}, large=True),
)


def made_up() -> Images:
    """Return images of ImageNet's size."""
    return Images(torch.randint(256, (LARGE_IMAGES, 3, 224, 224), dtype=torch.uint8), torch.arange(LARGE_IMAGES) % 1000)
