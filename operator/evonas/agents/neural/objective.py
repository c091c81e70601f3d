"""What a step of training climbs: a weighted sum of the candidates' log-probabilities and entropies. Whoever takes the
steps, with PyTorch (``training``) or without (``hindsight``), is a ``Climber``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evonas.agents.neural.weights import Floats

GRADIENT_CLIP = 1.0
"""Largest allowed norm of all gradients together."""


@dataclass(frozen=True)
class Objective:
    """The weights in that sum: [candidates, decisions] each."""

    of_log_probabilities: Floats
    of_entropies: Floats


class Climber(Protocol):
    """Trains one network."""

    @property
    def entropy(self) -> float:
        """Mean entropy of the decisions last trained on, relative to uniform heads, before that step; 1 at first."""

    def step(self, choices: NDArray[np.int64], objective: Objective) -> None:
        """Step uphill on the objective; ``choices`` is [candidates, decisions]."""
