"""What cannot be in the record of a trial with rungs, whoever wrote it there. Pure; readers and agents refuse it."""

from __future__ import annotations

from itertools import pairwise

from evonas.errors import FieldProblem
from evonas.search.trial import Trial, TrialState


def find_contradiction(trial: Trial) -> FieldProblem | None:
    """Return what cannot be in a trial's record of its rungs; None if nothing is wrong."""
    for place, (earlier, later) in enumerate(pairwise(trial.rungs), start=1):
        for field, before, after in (
            ("step", earlier.step, later.step),
            ("sequence", earlier.sequence, later.sequence),
        ):
            if after <= before:
                return FieldProblem(f"status.rungs[{place}].{field}", f"must be more than {before}, got {after}")
    if trial.state is not TrialState.STOPPED:
        return None
    if not trial.rungs:
        return FieldProblem("status.rungs", "must not be empty: the trial was stopped at one")
    if trial.sequence != trial.rungs[-1].sequence:
        return FieldProblem("status.sequence", f"must be that of the last rung, got {trial.sequence}")
    if trial.reward is not None:
        return FieldProblem("status.reward", "must be absent: the trial was stopped before it had one")
    return None
