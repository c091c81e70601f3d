"""Mode ``Pause`` of ``spec.fidelity``: where an attempt ends, and which paused trials go on. Pure; ``plan`` calls this.

A trial pauses at each rung. It goes on once its value is among those that the rule lets go on, of all that were
recorded there: the promotion of asynchronous successive halving (Li et al., arXiv 1810.05934, algorithm 2). What is
promoted, and after how many results, is recorded before the next attempt starts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from evonas.search.budget import Limit, affordable_attempts
from evonas.search.objective import oriented_or_worst
from evonas.search.promotion import decide_to_promote
from evonas.search.totals import Totals
from evonas.search.trial import PROMOTED, Trial, TrialState
from evonas.spec import SearchSpec


def pauses_of(spec: SearchSpec, trial: Trial) -> int:
    """Return how many of the trial's attempts ended in a pause: one at each of its rungs."""
    return len(trial.rungs) if spec.fidelity is not None and spec.fidelity.pauses else 0


def find_until(spec: SearchSpec, trial: Trial) -> int | None:
    """Return the step at which the trial's current attempt ends; None if trials do not pause."""
    if spec.fidelity is None or not spec.fidelity.pauses:
        return None
    # A confirmation is trained in one go: it is compared with nothing on its way.
    return spec.fidelity.steps[-1 if trial.is_confirmation else len(trial.rungs)]


def pauses_next(spec: SearchSpec, trial: Trial) -> bool:
    """Return whether the current attempt ends in a pause, and not with the training."""
    until = find_until(spec, trial)
    return until is not None and spec.fidelity is not None and until < spec.fidelity.steps[-1]


def find_waiting(
    spec: SearchSpec, totals: Totals, paused: Sequence[Trial], limit: Limit | None, *, is_idle: bool
) -> list[Trial]:
    """Return the paused trials that go on as soon as there are places, as they are to be recorded, as far as
    ``maxGPUHours`` allow. ``is_idle`` says that nothing runs.
    """
    if not paused or (limit is not None and (limit.failed or limit.cuts_short)):
        return []
    waiting = find_promotions(spec, totals, paused, closing=limit is not None and is_idle)
    return waiting[: int(max(0, min(len(waiting), affordable_attempts(spec, totals))))]


def find_promotions(spec: SearchSpec, totals: Totals, paused: Iterable[Trial], *, closing: bool) -> list[Trial]:
    """Return the paused trials that the rule lets go on, in the order of their turn: those at the highest rung first,
    the best of them first.

    ``totals`` are those of all trials. When the search is ``closing``, since nothing else is left to do, and no trial
    has been trained to its end, the best trial at the highest rung goes on whatever the rule says.
    """
    if spec.fidelity is None or not spec.fidelity.pauses:
        return []
    ranked = sorted(candidate for trial in paused if (candidate := _Candidate.of(spec, trial)).value > -math.inf)
    due = []
    for candidate in ranked:
        decision = decide_to_promote(spec.fidelity, totals.standings[candidate.step], candidate.value)
        if not decision.stops:
            due.append(candidate.promoted(decision.because, totals.last_sequence))
    if not due and closing and ranked and not totals.counts[TrialState.SUCCEEDED]:
        because = "is the best at the highest rung, and no trial has been trained to its end"
        due.append(ranked[0].promoted(because, totals.last_sequence))
    return due


@dataclass(frozen=True, order=True)
class _Candidate:
    """A paused trial, in the order of promotion."""

    order: tuple[int, float, int]
    trial: Trial

    @classmethod
    def of(cls, spec: SearchSpec, trial: Trial) -> _Candidate:
        last = trial.rungs[-1]
        return cls((-last.step, -oriented_or_worst(spec.objective, last.value), last.sequence), trial)

    @property
    def step(self) -> int:
        return -self.order[0]

    @property
    def value(self) -> float:
        return -self.order[1]

    def promoted(self, because: str, after: int) -> Trial:
        *rungs, last = self.trial.rungs
        return replace(
            self.trial,
            state=TrialState.QUEUED,
            reason=PROMOTED,
            message=f"{last.in_words} {because}",
            rungs=(*rungs, replace(last, promoted_after=after)),
            completion_time=None,
        )
