"""From a trial's progress to its results at the rungs, and to the trial stopped there. Pure; ``plan`` calls this.

A rung is recorded once, in ascending order: a curve that begins again after a disruption changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from evonas.search.attempt import AttemptPhase, AttemptView
from evonas.search.objective import evaluate
from evonas.search.settle import stop
from evonas.search.standings import Standings, new_standings, point_of
from evonas.search.totals import Totals
from evonas.search.trial import RungResult, Trial, TrialState
from evonas.search.trial_report import Report
from evonas.spec import Objective, SearchSpec
from evonas.wording import counted


def reached(spec: SearchSpec, trial: Trial, view: AttemptView) -> list[RungResult]:
    """Return the trial's results at rungs that are not recorded yet, without their places in the sequence.

    A training that failed, or turned out to be infeasible, has none; confirmations are never compared.
    """
    if spec.fidelity is None or trial.is_confirmation:
        return []
    if spec.fidelity.pauses:
        return [_at_pause(spec, trial, view)] if trial.state is TrialState.PAUSED else []
    if view.progress is None:
        return []
    if view.phase is AttemptPhase.QUEUED or (trial.state.is_final and trial.state is not TrialState.SUCCEEDED):
        return []
    last = trial.rungs[-1].step if trial.rungs else 0
    results = []
    for step, metrics in view.progress.at_rungs(spec.fidelity.steps).items():
        values = _values(spec.objectives, metrics)
        if last < step < spec.fidelity.steps[-1] and values is not None:
            results.append(_result(step, values))
    return results


def enter(
    spec: SearchSpec,
    standings: dict[int, Standings],
    trial: Trial,
    results: Iterable[RungResult],
    view: AttemptView | None,
    sequence: int,
    now: datetime,
) -> Trial:
    """Return the trial with its new results in places after ``sequence``, stopped where the rule says so.

    What lies beyond the rung where it is stopped is not recorded. ``standings``, by rung, are brought up to date.
    """
    assert spec.fidelity is not None
    for result in results:
        sequence += 1
        trial = replace(trial, rungs=(*trial.rungs, replace(result, sequence=sequence)))
        point = point_of(spec.objectives, trial, result)
        there = standings.setdefault(result.step, new_standings(spec.objectives))
        there.add(point)
        if spec.fidelity.pauses:
            because = there.decide_to_promote(spec.fidelity, point).because
            return replace(trial, message=f"{result.in_words} {because}")
        decision = there.decide(spec.fidelity, point)
        # One that has ended by itself has its reward: there is nothing left to save.
        if decision.stops and not trial.state.is_final:
            return stop(spec, trial, view, spec.fidelity.rule, f"{result.in_words} {decision.because}", now)
    return trial


def find_silence(spec: SearchSpec, totals: Totals) -> str | None:
    """Return what is missing if trials were trained to their end and none had a result at a rung; None otherwise."""
    if spec.fidelity is None or not totals.full_trainings or totals.last_rungs:
        return None
    needed = [*dict.fromkeys(name for objective in spec.objectives for name in _metrics_of(objective))]
    return (
        "spec.fidelity has had no effect: no trial that was trained to its end was seen to report at a rung before; "
        f"its progress reports need step, a whole number, and {' and '.join(needed)}"
    )


def _metrics_of(objective: Objective) -> list[str]:
    return [objective.name, *(constraint.metric for constraint in objective.constraints)]


def find_losses(totals: Totals) -> str | None:
    """Return how often a trial did not find the checkpoint that it was to go on from; None if that never happened."""
    if not totals.lost_checkpoints:
        return None
    return (
        f"{counted(totals.lost_checkpoints, 'checkpoint')} lost in {counted(totals.promotions, 'promotion')}: those"
        " trials were trained again from less; keep checkpoints in a place that outlives an attempt"
    )


def _at_pause(spec: SearchSpec, trial: Trial, view: AttemptView) -> RungResult:
    """Return what a trial that has just paused reported at the end of its attempt."""
    assert spec.fidelity is not None
    assert view.ending is not None
    assert view.ending.report is not None
    return _result(spec.fidelity.steps[len(trial.rungs)], evaluate(spec.objectives, view.ending.report).values)


def _result(step: int, values: Sequence[float]) -> RungResult:
    """Return the result with a value of each objective; without any, that of a candidate that has diverged."""
    return RungResult(step, values[0], others=tuple(values[1:])) if values else RungResult(step, None)


def _values(objectives: Sequence[Objective], metrics: Mapping[str, float]) -> tuple[float, ...] | None:
    """Return what the objectives make of the metrics; empty if the candidate has diverged or is beyond a hard limit,
    None if they do not tell. One of several metrics that is not a finite number is enough to have diverged.
    """
    if any(math.isnan(metrics.get(objective.name, 0.0)) for objective in objectives):
        return ()
    if any(objective.name not in metrics for objective in objectives):
        return None
    finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
    evaluation = evaluate(objectives, Report(reward=metrics.get("reward"), metrics=finite))
    return () if evaluation.infeasible else evaluation.values or None
