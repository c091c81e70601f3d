"""From a trial's progress to its results at the rungs, and to the trial stopped there. Pure; ``plan`` calls this.

A rung is recorded once, in ascending order: a curve that begins again after a disruption changes nothing.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from evonas.search.attempt import AttemptPhase, AttemptView
from evonas.search.objective import evaluate, oriented_or_worst
from evonas.search.promotion import decide, decide_to_promote
from evonas.search.settle import stop
from evonas.search.totals import Totals
from evonas.search.trial import RungResult, Trial, TrialState
from evonas.search.trial_report import Report
from evonas.spec import Objective, SearchSpec
from evonas.wording import counted

Standings = dict[int, list[float]]
"""The oriented values recorded at each rung, ascending."""


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
        value = _value(spec.objective, metrics)
        if last < step < spec.fidelity.steps[-1] and value is not None:
            results.append(RungResult(step, None if math.isnan(value) else value))
    return results


def enter(
    spec: SearchSpec,
    standings: Standings,
    trial: Trial,
    results: Iterable[RungResult],
    view: AttemptView | None,
    sequence: int,
    now: datetime,
) -> Trial:
    """Return the trial with its new results in places after ``sequence``, stopped where the rule says so.

    What lies beyond the rung where it is stopped is not recorded. ``standings`` are brought up to date.
    """
    assert spec.fidelity is not None
    for result in results:
        sequence += 1
        trial = replace(trial, rungs=(*trial.rungs, replace(result, sequence=sequence)))
        value = oriented_or_worst(spec.objective, result.value)
        if spec.fidelity.pauses:
            insort(standings.setdefault(result.step, []), value)
            because = decide_to_promote(spec.fidelity, standings[result.step], value).because
            return replace(trial, message=f"{result.in_words} {because}")
        decision = decide(spec.fidelity, standings.get(result.step, ()), value)
        insort(standings.setdefault(result.step, []), value)
        # One that has ended by itself has its reward: there is nothing left to save.
        if decision.stops and not trial.state.is_final:
            return stop(spec, trial, view, spec.fidelity.rule, f"{result.in_words} {decision.because}", now)
    return trial


def find_silence(spec: SearchSpec, totals: Totals) -> str | None:
    """Return what is missing if trials were trained to their end and none had a result at a rung; None otherwise."""
    if spec.fidelity is None or not totals.full_trainings or totals.last_rungs:
        return None
    needed = [spec.objective.name, *(item.metric for item in spec.objective.constraints)]
    return (
        "spec.fidelity has had no effect: no trial that was trained to its end was seen to report at a rung before; "
        f"its progress reports need step, a whole number, and {' and '.join(needed)}"
    )


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
    return RungResult(spec.fidelity.steps[len(trial.rungs)], evaluate(spec.objectives, view.ending.report).reward)


def _value(objective: Objective, metrics: Mapping[str, float]) -> float | None:
    """Return what the objective makes of the metrics; NaN if the candidate has diverged or is beyond a hard limit, None
    if they do not tell.
    """
    reward = metrics.get("reward") if objective.metric is None else None
    watched = reward if objective.metric is None else metrics.get(objective.metric)
    if watched is None or math.isnan(watched):
        return watched
    finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
    evaluation = evaluate([objective], Report(reward=reward, metrics=finite))
    return math.nan if evaluation.infeasible else evaluation.reward
