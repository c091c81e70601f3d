"""What a policy is: unnormalised log-probabilities of a decision's values, given the decisions made before it.

``sources`` draws candidates from it. The uniform policy lives here, the network that learns in ``network``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evonas.agents.curves import Curve
from evonas.agents.rewards import Values
from evonas.space import Choices, SearchSpace


class Rollout(Protocol):
    """Several unfinished candidates, one per row; the decisions are made in the order of the space."""

    def logits(self, position: int) -> NDArray[np.float64]:
        """Return the logits of the values of the decision at ``position``: [rows, values]."""

    def append(self, position: int, choices: NDArray[np.int64], active: NDArray[np.bool_]) -> None:
        """Record what was decided: [rows] each. Rows whose decision is not active are left unchanged."""


class Policy(Protocol):
    """Proposes values for decisions."""

    def rollout(self, rows: int) -> Rollout:
        """Begin ``rows`` empty candidates."""


class UniformPolicy:
    """Every value of a decision is equally likely, whatever came before: what an untrained network proposes."""

    def __init__(self, space: SearchSpace) -> None:
        self._cardinalities = space.cardinalities

    def rollout(self, rows: int) -> Rollout:
        """Begin ``rows`` empty candidates."""
        return _UniformRollout(self._cardinalities, rows)


class _UniformRollout:
    def __init__(self, cardinalities: tuple[int, ...], rows: int) -> None:
        self._cardinalities = cardinalities
        self._rows = rows

    def logits(self, position: int) -> NDArray[np.float64]:
        return np.zeros((self._rows, self._cardinalities[position]))

    def append(self, position: int, choices: NDArray[np.int64], active: NDArray[np.bool_]) -> None:
        pass


@dataclass(frozen=True)
class Alternating:
    """Every other candidate from a policy, the rest uniform: choosing among them does not rely on the policy alone."""

    policy: Policy


@dataclass(frozen=True)
class Observation:
    """A candidate and its reward, as the population and the learners see them."""

    index: int
    """The proposal's index."""
    choices: Choices
    drawn: tuple[bool, ...]
    """Which positions were drawn from the policy and not copied."""
    values: Values | None
    """What it was worth; None for an infeasible candidate. Of one that was stopped, what it had reached last, None if
    it had diverged."""
    curves: tuple[Curve, ...] = ()
    """For each objective, its values at rungs; empty if it has reached none."""
    stopped: bool = False
    """It was ended at the last of them, or put aside there."""
    again: bool = False
    """It replaces what was observed of the same proposal when it was put aside."""
    repeats: int | None = None
    """The proposal whose candidate this trained again; None if the candidate was new."""
    mean: float | None = None
    """Mean of all rewards of a candidate that was trained again; None if this one added none."""

    @property
    def reward(self) -> float | None:
        """The value of the only objective."""
        if self.values is None:
            return None
        (value,) = self.values
        return value

    def curve(self, objective: int = 0) -> Curve:
        """Return its values at rungs in one objective."""
        return self.curves[objective] if self.curves else ()

    def final(self, objective: int = 0) -> float:
        """Return what it was worth at the end in one objective: minus infinity if it was infeasible or diverged, NaN if
        it was stopped.
        """
        if self.values is None:
            return -math.inf
        return math.nan if self.stopped else self.values[objective]


class Observer(Protocol):
    """Learns from results."""

    def observe(self, observation: Observation) -> None:
        """Process one observation."""


class Learner(Observer, Protocol):
    """Trains a policy on what was observed."""

    @property
    def entropy(self) -> float:
        """As ``Agent.entropy``."""
