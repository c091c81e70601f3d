"""One search without its trials, and searches compared."""

from __future__ import annotations

from typing import Any

from evonas.ui.models.base import DecisionValue, Model
from evonas.ui.models.searches import Objective, Summary


class When(Model):
    """The condition of a decision."""

    decision: str
    values: list[DecisionValue]


class DecisionInfo(Model):
    """A decision of a space."""

    name: str
    values: list[DecisionValue]
    ordered: bool
    when: When | None


class Constraint(Model):
    """A constraint of the objective: soft with a target, or hard with a maximum."""

    metric: str
    target: float | None
    maximum: float | None


class Member(Model):
    """A trial on the front."""

    index: int
    values: list[float]
    """Of the objectives, in their order."""


class Front(Model):
    """The front of a search with several objectives."""

    size: int
    """How many trials are on it; of equal ones, the first recorded."""
    hypervolume: float | None
    reference: list[float] | None
    """Where the hypervolume is measured from, a value of each objective: the declared one, else the worst so far."""
    members: list[Member]
    """Those that stand for all, at most 32, the best in the first objective first."""


class Condition(Model):
    """A condition of a search's status."""

    type: str
    status: str
    reason: str
    message: str
    since: float | None


class Confirmation(Model):
    """A leader, or a member of the front, that was trained again."""

    index: int
    runs: int
    wins: int
    mean: float | None
    deviation: float | None
    means: list[float]
    """Of several objectives, in their order; ``mean`` is that of the first. Empty with a single one."""
    deviations: list[float | None]


class Recommendation(Model):
    """The candidate that is expected to be the best."""

    index: int
    runs: int
    mean: float
    expected: float
    deviation: float


class Details(Model):
    """One search, without its trials."""

    summary: Summary
    space: list[DecisionInfo]
    constraints: list[Constraint]
    parallel_trials: int
    population: int | None
    """How many of the latest results the agent draws parents from; None if it has no population."""
    window: int
    """How many results a moving average is over."""
    rungs: list[int]
    """Steps at which trials are judged; empty without fidelity."""
    last_step: int | None
    pauses: bool
    """Whether trials pause at rungs instead of being stopped."""
    target: float | None
    """Of the only objective, or the first of several."""
    front: Front | None
    """None with a single objective."""
    learned_from: str
    pinned: list[int]
    winner: int | None
    """Trial of the best candidate: confirmed, recommended, or the best single result; None with several objectives."""
    recommended: Recommendation | None
    confirmed: list[Confirmation]
    conditions: list[Condition]
    """Of a run of this machine, whether and how it has ended; empty as long as it can go on."""
    manifest: str
    """YAML, as it was declared."""
    environments: list[dict[str, Any]]
    images: dict[str, list[str]]


class Group(Model):
    """Searches that differ only in their seed. With a single objective, there are averages and best values; with
    several, hypervolumes."""

    label: str
    searches: list[str]
    averages: list[float]
    average_deviations: list[float]
    """Empty for a single search."""
    bests: list[float]
    best_deviations: list[float]
    hypervolumes: list[float]
    hypervolume_deviations: list[float]
    reached: list[float]
    """The hypervolume that each of the searches came to."""


class Comparison(Model):
    """Searches with the same objectives, grouped."""

    metric: str
    """Of the first objective."""
    minimize: bool
    objectives: list[Objective]
    reference: list[float] | None
    """Where all hypervolumes are measured from; None with a single objective, and before the first result."""
    window: int
    groups: list[Group]
