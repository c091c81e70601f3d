"""Trainings of small networks on the digits, in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from evonas_trial.cnn import settings
from evonas_trial.cnn.model import build
from evonas_trial.data import catalogue
from evonas_trial.data.images import Images, normalization
from evonas_trial.data.reading import locate
from evonas_trial.training import batches
from evonas_trial.training.evaluation import Score
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.loop import Training


def digits(limit: int) -> tuple[Images, Images]:
    """Return so many training images, and those for validation."""
    training, validation = locate(catalogue.DIGITS, None).development(split_seed=0, limit=limit)
    assert isinstance(training, Images)
    assert isinstance(validation, Images)
    return training, validation


def training_of(
    parts: tuple[Images, Images], hardware: Hardware, decisions: Mapping[str, Any], *, seed: int = 0, **options: Any
) -> Training:
    """Return a candidate's training that has not begun; ``options`` are those of Training."""
    network, recipe = settings.read(decisions, {})
    torch.manual_seed(seed)
    normalized = normalization(parts[0])
    seen = batches.make(
        parts[0],
        normalized,
        hardware,
        batch_size=recipe.batch_size,
        seed=seed,
        augmentation=recipe.augmentation,
        side=8,
    )
    held_out = batches.make(parts[1], normalized, hardware, batch_size=128, seed=0, side=8)
    model = build(network, catalogue.DIGITS.shape)
    return Training(model, recipe, seen, held_out, hardware, classes=10, seed=seed, **options)


def ignore(epoch: int, score: Score) -> None:
    """Take note of no epoch."""
