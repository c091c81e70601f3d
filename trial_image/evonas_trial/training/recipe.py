"""How a candidate is trained: the decisions that do not concern the architecture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from evonas_trial.decisions import Decision, boolean, number, one_of, whole
from evonas_trial.training.schedule import SCHEDULES

OPTIMIZERS = ("SGD", "Adam", "AdamW", "AdaGrad", "RMSprop")
AUGMENTATIONS = ("none", "flip", "crop", "crop_flip")

DECISIONS: tuple[Decision, ...] = (
    one_of("optimizer", "Adam", "the optimizer", OPTIMIZERS),
    number("learning_rate", 0.003, "step size at its highest", "a number above 0", lambda v: v > 0),
    number("momentum", 0.9, "of SGD and RMSprop", "from 0 to below 1", lambda v: 0 <= v < 1),
    number("weight_decay", 0.0, "on kernels, not on biases and scales", "a number not below 0", lambda v: v >= 0),
    one_of("schedule", "cosine", "how the learning rate goes", SCHEDULES),
    number("warmup_epochs", 0.0, "epochs until the highest rate", "a number not below 0", lambda v: v >= 0),
    whole("batch_size", 32, "images per step"),
    whole("epochs", 8, "passes over the training images"),
    number("label_smoothing", 0.0, "share of each label given to all", "from 0 to below 1", lambda v: 0 <= v < 1),
    one_of("augmentation", "none", "random changes of training images", AUGMENTATIONS),
    boolean("initialize_with_pretrained", False, "start from the weights of --pretrained"),
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One candidate's training; the fields are DECISIONS."""

    optimizer: str
    learning_rate: float
    momentum: float
    weight_decay: float
    schedule: str
    warmup_epochs: float
    batch_size: int
    epochs: int
    label_smoothing: float
    augmentation: str
    initialize_with_pretrained: bool

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Recipe:
        """Take the training's decisions out of a candidate's values."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})
