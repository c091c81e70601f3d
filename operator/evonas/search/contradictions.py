"""What cannot be in the record of a trial, whoever wrote it there. Pure; readers and agents refuse it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import chain, pairwise

from evonas.errors import FieldProblem
from evonas.search.trial import Trial, TrialState


def find_contradiction(trial: Trial) -> FieldProblem | None:
    """Return what cannot be in a trial's record; None if nothing is wrong."""
    return next(chain(_in_numbers(trial), _in_rungs(trial), _in_state(trial)), None)


def _in_numbers(trial: Trial) -> Iterator[FieldProblem]:
    """No trial is recorded with a number that is not finite; nothing that is derived from one would mean anything."""
    yield from _infinite("status", trial.reward, trial.metrics)
    if trial.imported is not None:
        yield from _infinite("spec.imported", trial.imported.reward, trial.imported.metrics)
    if trial.reused is not None:
        yield from _infinite("spec.reusedFrom", trial.reused.reward, trial.reused.metrics)


def _infinite(place: str, reward: float | None, metrics: Mapping[str, float]) -> Iterator[FieldProblem]:
    if reward is not None and not math.isfinite(reward):
        yield FieldProblem(f"{place}.reward", f"must be a finite number, or absent, got {reward}")
    for name, value in metrics.items():
        if not math.isfinite(value):
            yield FieldProblem(f"{place}.metrics.{name}", f"must be a finite number, or absent, got {value}")


def _in_rungs(trial: Trial) -> Iterator[FieldProblem]:
    for place, (earlier, later) in enumerate(pairwise(trial.rungs), start=1):
        for field, before, after in (
            ("step", earlier.step, later.step),
            ("sequence", earlier.sequence, later.sequence),
        ):
            if after <= before:
                yield FieldProblem(f"status.rungs[{place}].{field}", f"must be more than {before}, got {after}")
    for place, result in enumerate(trial.rungs):
        if result.promoted_after is not None and result.promoted_after < result.sequence:
            field = f"status.rungs[{place}].promotedAfter"
            yield FieldProblem(field, f"must be at least {result.sequence}, got {result.promoted_after}")


def _in_state(trial: Trial) -> Iterator[FieldProblem]:
    if not trial.state.is_at_rung:
        return
    at_rung = f"the trial {'was stopped' if trial.state.is_final else 'is paused'} at one"
    if not trial.rungs:
        yield FieldProblem("status.rungs", f"must not be empty: {at_rung}")
        return
    last = trial.rungs[-1]
    if trial.reward is not None:
        yield FieldProblem("status.reward", f"must be absent: {at_rung}, before it had one")
    if trial.state is TrialState.STOPPED and trial.sequence != last.sequence:
        yield FieldProblem("status.sequence", f"must be that of the last rung, got {trial.sequence}")
    if trial.state is TrialState.PAUSED and last.promoted_after is not None:
        field = f"status.rungs[{len(trial.rungs) - 1}].promotedAfter"
        yield FieldProblem(field, "must be absent: the trial is paused there")
