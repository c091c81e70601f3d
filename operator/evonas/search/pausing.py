"""Mode ``Pause`` of ``spec.fidelity``: where an attempt ends, and which paused trials go on. Pure; ``plan`` calls this.

A trial pauses at each rung. It goes on once its result is among those that the rule lets go on, of all that were
recorded there: the promotion of asynchronous successive halving (Li et al., arXiv 1810.05934, algorithm 2). What is
promoted, and after how many results, is recorded before the next attempt starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

from evonas.search.budget import Limit, affordable_attempts
from evonas.search.standings import Point, has_diverged, point_of
from evonas.search.totals import Totals
from evonas.search.trial import PROMOTED, Trial, TrialState
from evonas.spec import SearchSpec


def pauses_of(spec: SearchSpec, trial: Trial) -> int:
    """Return how many of the trial's attempts ended in a pause: one at each of its rungs."""
    return len(trial.rungs) if spec.pauses else 0


def find_until(spec: SearchSpec, trial: Trial) -> int | None:
    """Return the step at which the trial's current attempt ends; None if trials do not pause."""
    if spec.fidelity is None or not spec.fidelity.pauses:
        return None
    *rungs, last = spec.fidelity.steps
    # A confirmation is trained in one go: it is compared with nothing on its way.
    ends = trial.is_confirmation or len(trial.rungs) >= len(rungs)
    return last if ends else rungs[len(trial.rungs)]


def pauses_next(spec: SearchSpec, trial: Trial) -> bool:
    """Return whether the current attempt ends in a pause, and not with the training."""
    until = find_until(spec, trial)
    return until is not None and spec.fidelity is not None and until < spec.fidelity.steps[-1]


def find_waiting(
    spec: SearchSpec, totals: Totals, paused: Sequence[Trial], limit: Limit | None, count: int, *, is_idle: bool
) -> list[Trial]:
    """Return the next ``count`` paused trials that go on as soon as there are places, as far as ``maxGPUHours`` allow.
    ``is_idle`` says that nothing runs.
    """
    if not paused or (limit is not None and (limit.failed or limit.cuts_short)):
        return []
    promotions = find_promotions(spec, totals, paused, closing=limit is not None and is_idle)
    return [*islice(promotions, int(max(0, min(count, affordable_attempts(spec, totals)))))]


def find_promotions(spec: SearchSpec, totals: Totals, paused: Sequence[Trial], *, closing: bool) -> Iterator[Trial]:
    """Yield the paused trials that the rule lets go on, as they are to be recorded: those at the highest rung first,
    the best of them first.

    ``totals`` are those of all trials. When the search is ``closing``, since nothing else is left to do, and no trial
    has been trained to its end, the best trial at the highest rung goes on whatever the rule says.
    """
    if spec.fidelity is None or not spec.fidelity.pauses:
        return
    closing = closing and not totals.counts[TrialState.SUCCEEDED]
    for step in reversed(spec.fidelity.steps[:-1]):
        there = [trial for trial in paused if trial.rungs[-1].step == step]
        points = totals.standings[step].going_on(spec.fidelity) if there else ()
        going_on = [trial for trial in there if _point(spec, trial) in points]
        for trial in sorted(going_on, key=partial(_turn, spec, totals)):
            closing = False
            because = totals.standings[step].decide_to_promote(spec.fidelity, _point(spec, trial)).because
            yield _promoted(trial, because, totals.last_sequence)
    hopeful = [trial for trial in paused if closing and not has_diverged(_point(spec, trial))]
    if hopeful:
        highest = max(trial.rungs[-1].step for trial in hopeful)
        best = min((trial for trial in hopeful if trial.rungs[-1].step == highest), key=partial(_turn, spec, totals))
        because = "is the best at the highest rung, and no trial has been trained to its end"
        yield _promoted(best, because, totals.last_sequence)


def _point(spec: SearchSpec, trial: Trial) -> Point:
    return point_of(spec.objectives, trial, trial.rungs[-1])


def _turn(spec: SearchSpec, totals: Totals, trial: Trial) -> tuple[list[float], int]:
    last = trial.rungs[-1]
    return [-part for part in totals.standings[last.step].merit(_point(spec, trial))], last.sequence


def _promoted(trial: Trial, because: str, after: int) -> Trial:
    *rungs, last = trial.rungs
    return replace(
        trial,
        state=TrialState.QUEUED,
        reason=PROMOTED,
        message=f"{last.in_words} {because}",
        rungs=(*rungs, replace(last, promoted_after=after)),
        completion_time=None,
    )
