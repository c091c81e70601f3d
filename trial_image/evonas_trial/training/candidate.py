"""A candidate as the training programs hand it on: what is to be trained, and on what. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evonas_trial.data.catalogue import DataSet
from evonas_trial.training.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Candidate:
    """What is to be trained, and on what."""

    program: str
    network: Any
    recipe: Recipe
    data_set: DataSet
    build: Callable[[], nn.Module]
    seed: int
    decisions: Mapping[str, Any]
    """As they were searched and fixed, for display."""
