"""Two metrics against each other: the trials that no other dominates, the Pareto front. Pure.

``evonas report`` draws it, ``evonas best --pareto`` prints it. The search may have optimised something else: the front
of a search with several objectives is in ``search.front``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evonas import domination
from evonas.errors import EvonasError
from evonas.hints import did_you_mean
from evonas.search.trial import Trial, TrialState
from evonas.spec import Objective

REWARD = "reward"
"""Names the recorded reward, including constraints; every other name is a key of the reported metrics."""

_WAYS = {"min": True, "max": False}


@dataclass(frozen=True)
class Axis:
    """One of the two metrics, and which way is better."""

    metric: str
    minimize: bool

    def of(self, trial: Trial) -> float | None:
        """Return what a trial reported; None if it did not."""
        return trial.reward if self.metric == REWARD else trial.metrics.get(self.metric)

    def merit(self, value: float) -> float:
        """Return a value oriented so that larger is better."""
        return -value if self.minimize else value


Axes = tuple[Axis, Axis]


@dataclass(frozen=True)
class Tradeoff:
    """The trials that reported both metrics."""

    axes: Axes
    front: list[Trial]
    """Those that no other dominates, the best in the first metric first."""
    dominated: list[Trial]
    infeasible: list[Trial]
    """Those that the search's hard limits or the trial itself ruled out; they dominate nothing."""


def trade_off(trials: Iterable[Trial], axes: Axes) -> Tradeoff:
    """Compare the trials of a search in two metrics; confirmations, which repeat a candidate, are left out."""
    known = [trial for trial in trials if not trial.is_confirmation and None not in [axis.of(trial) for axis in axes]]
    infeasible = [trial for trial in known if trial.state is TrialState.INFEASIBLE]
    feasible = [trial for trial in known if trial.reward is not None]
    first, second = axes
    points = [(first.merit(one), second.merit(other)) for one, other in (values(trial, axes) for trial in feasible)]
    places = find_front(points)
    best = set(places)
    dominated = [trial for place, trial in enumerate(feasible) if place not in best]
    return Tradeoff(axes, [feasible[place] for place in places], dominated, infeasible)


def values(trial: Trial, axes: Axes) -> tuple[float, float]:
    """Return both metrics of a trial that reported them."""
    first, second = (axis.of(trial) for axis in axes)
    assert first is not None
    assert second is not None
    return first, second


def find_front(points: Sequence[Sequence[float]]) -> list[int]:
    """Return which of the points no other dominates, those with the largest first number first.

    Larger is better. A point dominates another if it is at least as good in both numbers and better in one; equal
    points do not dominate each other.
    """
    are_best = domination.find_front(np.array(points, np.float64).reshape(len(points), 2))
    return sorted(np.flatnonzero(are_best).tolist(), key=lambda place: (-points[place][0], -points[place][1]))


def parse_axes(objectives: Sequence[Objective], names: tuple[str, str]) -> Axes:
    """Return the axes that ``METRIC`` or ``METRIC:min`` or ``METRIC:max`` name. EvonasError if both are the same
    metric, or if the search does not say which way a metric is better.
    """
    first, second = (_axis(objectives, name) for name in names)
    if first.metric == second.metric:
        raise EvonasError(f"a Pareto front needs two metrics, got {first.metric} twice")
    return first, second


def default_axes(objective: Objective) -> Axes | None:
    """Return the objective against the first other metric that is constrained; None if there is none."""
    sought = objective.name
    for constraint in objective.constraints:
        if constraint.metric != sought:
            return parse_axes([objective], (sought, constraint.metric))
    return None


def check_reported(trials: Iterable[Trial], axes: Axes) -> None:
    """Raise EvonasError for a metric that no trial reported, though some reported others."""
    names = {name for trial in trials for name in trial.metrics}
    for axis in axes:
        if names and axis.metric not in (REWARD, *names):
            known = ", ".join(sorted(names))
            hint = did_you_mean(axis.metric, (REWARD, *names))
            raise EvonasError(f"no trial reported a metric {axis.metric!r}, only {known}{hint}")


def _axis(objectives: Sequence[Objective], name: str) -> Axis:
    metric, _, way = name.rpartition(":")
    if metric and way in _WAYS:
        return Axis(metric, _WAYS[way])
    for objective in objectives:
        if name in (REWARD, objective.metric):
            return Axis(name, objective.minimize)
    for constraint in (each for objective in objectives for each in objective.constraints):
        if constraint.metric == name:
            # An exponent below 0 penalises larger values, one above 0 rewards them.
            return Axis(name, constraint.exponent is None or constraint.exponent <= 0)
    raise EvonasError(f"the search does not say which way {name} is better: write {name}:min or {name}:max")
