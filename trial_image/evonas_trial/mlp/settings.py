"""A candidate's settings: the six decisions of that space, and those of the training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evonas_trial.data.catalogue import Shape
from evonas_trial.decisions import Decision, boolean, join, one_of, whole
from evonas_trial.training.recipe import DECISIONS as TRAINING
from evonas_trial.training.recipe import Recipe

ACTIVATIONS = ("tanh", "sigmoid", "relu")

DECISIONS: tuple[Decision, ...] = (
    whole("hidden_size", 256, "units of the hidden layer"),
    one_of("activation", "relu", "of the hidden layer", ACTIVATIONS),
    boolean("batch_norm", True, "batch normalization before it"),
    *TRAINING,
)


@dataclass(frozen=True)
class Network:
    """The architecture."""

    hidden_size: int
    activation: str
    batch_norm: bool


def read(searched: Mapping[str, Any], fixed: Mapping[str, Any]) -> tuple[Network, Recipe]:
    """Combine searched decisions, fixed options and defaults; raises ValueError if they conflict."""
    values = join({item.name: item for item in DECISIONS}, searched, fixed)
    return Network(values["hidden_size"], values["activation"], values["batch_norm"]), Recipe.of(values)


def obstacle(network: Network, recipe: Recipe, _shape: Shape) -> str | None:
    """Return why the network cannot be trained; None if it can."""
    if network.batch_norm and recipe.batch_size == 1:
        return "batch normalization needs a batch_size of 2 or more"
    return None
