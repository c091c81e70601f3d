"""What a search may declare beyond its space, as small values. Pure; ``manifest`` turns them into a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Constraint:
    """A constraint on a metric other than the objective's.

    Either ``max``, the limit beyond which a candidate is infeasible, or ``target`` and ``exponent``, which scale the
    reward by ``(metric / target) ** exponent`` (MnasNet, section 3).
    """

    max: float | None = None
    target: float | None = None
    exponent: float | None = None


@dataclass(frozen=True)
class Objective:
    """One of several objectives: a metric, and whether it is maximised.

    The search ends once a trial reaches the ``target`` of each objective that has one. What is worse than the
    ``reference`` is worth nothing; by default it is the worst value so far. Soft ``constraints`` scale this objective,
    limits rule a candidate out.
    """

    metric: str
    goal: Literal["Maximize", "Minimize"] = "Maximize"
    target: float | None = None
    reference: float | None = None
    constraints: Mapping[str, Constraint] = field(default_factory=dict)


@dataclass(frozen=True)
class Rungs:
    """The steps at which trials are compared, so that those that others are better than end early.

    Either ``min``, ``max`` and ``factor`` (1, 3, 9 and 27 for 1 to 27 by 3), or ``steps``. With ``mode="Pause"``, each
    trial pauses at each rung and goes on when its turn comes; its function has to save and load checkpoints.
    """

    min: int | None = None
    max: int | None = None
    factor: int | None = None
    steps: Sequence[int] | None = None
    mode: Literal["Stop", "Pause"] = "Stop"
    rule: Literal["SuccessiveHalving", "Median", "None"] | None = None


@dataclass(frozen=True)
class Confirm:
    """After the search, the ``top`` leaders are trained ``repeats`` more times with seeds of their own."""

    top: int = 3
    repeats: int = 3
