"""From a report to a reward: metric, constraints, direction (MnasNet, Tan et al. 2018, section 3.1).

Pure. The recorded reward is in the user's orientation; agents see ``oriented`` rewards, larger is better. A search with
several objectives has a value of each, of which the first is the recorded reward; the others follow from the metrics.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from evonas.errors import EvonasError
from evonas.hints import did_you_mean
from evonas.search.trial import Trial
from evonas.search.trial_report import Report
from evonas.spec import Constraint, Objective

VIOLATED = "ConstraintViolated"
"""Reason of an infeasible trial that is beyond a hard limit."""


@dataclass(frozen=True)
class Evaluation:
    """What a report is worth: a value of each objective, or a reason why there is none."""

    values: tuple[float, ...] = ()
    """In the user's orientation; empty if there is a reason."""
    infeasible: bool = False
    reason: str = ""
    message: str = ""

    @property
    def reward(self) -> float | None:
        """The value of the first objective."""
        return self.values[0] if self.values else None


def evaluate(objectives: Sequence[Objective], report: Report) -> Evaluation:
    """Apply the objectives to what a trial with exit code 0 reported."""
    if report.infeasible is not None:
        return Evaluation(infeasible=True, reason="Infeasible", message=report.infeasible)
    for objective in objectives:
        # What a limit says of a trial that lacks a metric does not depend on the order of the objectives.
        if _reported(objective, report) is None:
            return _missing(objective, report)
    values: list[float] = []
    for objective in objectives:
        found = _evaluate_one(objective, report)
        if not found.values:
            return found
        values += found.values
    return Evaluation(tuple(values))


def values_of(objectives: Sequence[Objective], trial: Trial) -> tuple[float, ...] | None:
    """Return the value of each objective, in the user's orientation; None for a trial without a reward. EvonasError if
    its recorded metrics do not give them.
    """
    if trial.reward is None:
        return None
    values = [trial.reward]
    for objective in objectives[1:]:
        # It is within the hard limits: of an imported mean, the last bit may not be.
        found = _evaluate_one(objective, Report(metrics=trial.metrics), limited=False)
        if not found.values:
            raise EvonasError(
                f"trial {trial.index} has a reward, but no value of {objective.name}: {found.message}; "
                "restore the record from a copy"
            )
        values += found.values
    return tuple(values)


def in_words(objectives: Sequence[Objective], values: Sequence[float]) -> str:
    """For people: ``accuracy 0.93, latency_ms 4.2``."""
    return ", ".join(f"{each.title} {value:.6g}" for each, value in zip(objectives, values, strict=True))


def oriented_values(objectives: Sequence[Objective], values: Sequence[float]) -> tuple[float, ...]:
    """Return the value of each objective as agents see it: larger is better."""
    return tuple(oriented(objective, value) for objective, value in zip(objectives, values, strict=True))


def oriented_references(objectives: Sequence[Objective]) -> tuple[float, ...]:
    """Return what a trial must reach to be worth anything, larger is better: minus infinity where that is not said."""
    return tuple(-math.inf if each.reference is None else oriented(each, each.reference) for each in objectives)


def oriented(objective: Objective, reward: float) -> float:
    """Return the reward as agents see it: larger is better."""
    return -reward if objective.minimize else reward


def oriented_or_worst(objective: Objective, value: float | None) -> float:
    """Return a rung's value as rules compare it: larger is better, minus infinity without one, the worst result."""
    return -math.inf if value is None else oriented(objective, value)


def reaches_target(objectives: Sequence[Objective], values: Sequence[float]) -> bool:
    """Return whether a trial with these values ends the search early: it reaches every target that there is, and is
    worth anything.
    """
    aimed = [(each, each.target, value) for each, value in zip(objectives, values, strict=True)]
    reached = [oriented(each, value) >= oriented(each, target) for each, target, value in aimed if target is not None]
    return bool(reached) and all(reached) and meets_references(objectives, values)


def meets_references(objectives: Sequence[Objective], values: Sequence[float]) -> bool:
    """Return whether a trial with these values is worth anything: none is worse than a reference."""
    return all(
        each.reference is None or oriented(each, value) >= oriented(each, each.reference)
        for each, value in zip(objectives, values, strict=True)
    )


def _evaluate_one(objective: Objective, report: Report, *, limited: bool = True) -> Evaluation:
    value = _reported(objective, report)
    if value is None:
        return _missing(objective, report)
    for constraint in objective.constraints:
        if constraint.maximum is not None and not limited:
            continue
        evaluation = _constrained(value, constraint, report, minimize=objective.minimize)
        if not evaluation.values:
            return evaluation
        (value,) = evaluation.values
    return Evaluation((value,))


def _reported(objective: Objective, report: Report) -> float | None:
    return report.reward if objective.metric is None else report.metrics.get(objective.metric)


def _missing(objective: Objective, report: Report) -> Evaluation:
    if report.problem is not None:
        return Evaluation(reason="InvalidReward", message=report.problem)
    if report.unmatched is not None:
        return Evaluation(reason="MetricMissing", message=report.unmatched)
    if objective.metric is not None and (report.metrics or report.reward is not None):
        return _no_metric(objective.metric, report)
    if report.metrics:
        known = ", ".join(sorted(report.metrics))
        cure = f"report a reward, too, or name one of them in spec.objective.metric: {known}"
        return Evaluation(reason="NoReward", message=f"the trial reported metrics, but no reward; {cure}")
    return Evaluation(
        reason="NoReward",
        message="the container ended with exit code 0 but reported nothing, neither by annotation nor by "
        "termination message",
    )


def _no_metric(wanted: str, report: Report) -> Evaluation:
    """Say that a report lacks a metric; a reward alone is not taken for it, since it may be of something else."""
    if report.problem is not None:
        return Evaluation(reason="InvalidReward", message=report.problem)
    if report.unmatched is not None:
        return Evaluation(reason="MetricMissing", message=report.unmatched)
    if report.metrics:
        others = f"only {', '.join(sorted(report.metrics))}{did_you_mean(wanted, report.metrics)}"
    else:
        others = 'only a reward; report it as {"metrics": {' + json.dumps(wanted) + ": …}}"
    return Evaluation(reason="MetricMissing", message=f"the trial reported no metric {wanted!r}, {others}")


def _constrained(value: float, constraint: Constraint, report: Report, *, minimize: bool) -> Evaluation:
    measured = report.metrics.get(constraint.metric)
    if measured is None:
        return _no_metric(constraint.metric, report)
    if constraint.maximum is not None:
        if measured <= constraint.maximum:
            return Evaluation((value,))
        message = f"{constraint.metric} is {measured:g}, above its limit of {constraint.maximum:g}"
        return Evaluation(infeasible=True, reason=VIOLATED, message=message)
    assert constraint.target is not None
    assert constraint.exponent is not None
    if measured <= 0 or value < 0:
        message = f"a soft constraint needs {constraint.metric} above 0 and a reward of at least 0"
        return Evaluation(reason="InvalidReward", message=f"{message}, got {measured:g} and {value:g}")
    exponent = -constraint.exponent if minimize else constraint.exponent
    try:
        weighted = value * math.pow(measured / constraint.target, exponent)
    except OverflowError:
        weighted = math.inf
    if math.isfinite(weighted):
        return Evaluation((weighted,))
    message = f"the constraint on {constraint.metric} makes the reward infinite at {measured:g}"
    return Evaluation(reason="InvalidReward", message=message)
