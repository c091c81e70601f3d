"""How many more trials the budget allows, and why no more: pure arithmetic over the records."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from evonas.search.objective import in_words as in_words_of
from evonas.search.objective import values_of
from evonas.search.totals import Totals
from evonas.search.trial import REPEAT, TrialState, in_words
from evonas.spec import SearchSpec
from evonas.wording import counted

SECONDS_PER_HOUR = 3600

TOO_MANY_FAILED = "TooManyFailedTrials"
"""The reason of a search that has failed because too many of its trials have."""


@dataclass(frozen=True)
class Limit:
    """Why the search will never propose another trial."""

    reason: str
    message: str
    failed: bool = False
    """True if the search has failed, rather than completed."""
    cuts_short: bool = False
    """True if running trials are no longer needed; ``onComplete`` says what happens to them."""


def most_trials(spec: SearchSpec, totals: Totals) -> int:
    """Return how many trials the search can have: no more than there are candidates, and repeats of these."""
    return min(spec.budget.max_trials, spec.space.size + totals.origins[REPEAT])


@dataclass(frozen=True)
class Standing:
    """What the limits are applied to."""

    spec: SearchSpec
    totals: Totals
    start_time: datetime | None
    now: datetime


def find_limit(standing: Standing) -> Limit | None:
    """Return the first limit of ``LIMITS`` that the search has reached, if any."""
    return next(filter(None, (limit(standing) for limit in LIMITS)), None)


def _too_many_failed(standing: Standing) -> Limit | None:
    failed, last = standing.totals.counts[TrialState.FAILED], standing.totals.last_failed
    allowed = standing.spec.budget.max_failed_trials
    if failed <= allowed or last is None:
        return None
    why = in_words(last.reason, last.message)
    message = f"{counted(failed, 'trial')} failed, more than maxFailedTrials ({allowed}); the last one with {why}"
    return Limit(TOO_MANY_FAILED, message, failed=True, cuts_short=True)


def _target_reached(standing: Standing) -> Limit | None:
    trial = standing.totals.on_target
    if trial is None:
        return None
    objectives = standing.spec.objectives
    if standing.spec.has_several:
        reached = zip(objectives, values_of(objectives, trial) or (), strict=True)
        aimed, values = zip(*((each, value) for each, value in reached if each.target is not None), strict=True)
        targets = "target" if len(aimed) == 1 else "targets"
        message = f"trial {trial.index} reached the {targets} with {in_words_of(aimed, values)}"
    else:
        message = f"trial {trial.index} reached the target with {trial.reward:g}"
    return Limit("TargetReached", message, cuts_short=True)


def _max_trials_reached(standing: Standing) -> Limit | None:
    allowed = standing.spec.budget.max_trials
    if standing.totals.total < allowed:
        return None
    return Limit(
        "MaxTrialsReached", f"all {allowed} trials were proposed" if allowed > 1 else "its only trial was proposed"
    )


def _space_exhausted(standing: Standing) -> Limit | None:
    size = standing.spec.space.size
    if standing.totals.candidates < size:
        return None
    return Limit("SpaceExhausted", f"all {size} candidates of the space were tried")


def _max_seconds_reached(standing: Standing) -> Limit | None:
    deadline = find_deadline(standing.spec, standing.start_time)
    if deadline is None or standing.now < deadline:
        return None
    message = f"the search ran for {standing.spec.budget.max_seconds} seconds"
    return Limit("MaxSecondsReached", message, cuts_short=True)


def _max_gpu_hours_reached(standing: Standing) -> Limit | None:
    # While trials run, they may still turn out to use less than they have reserved.
    if standing.totals.unfinished or affordable_trials(standing.spec, standing.totals) >= 1:
        return None
    used = standing.totals.gpu_seconds / SECONDS_PER_HOUR
    more = _attempts_to_a_result(standing.spec, standing.totals)
    worst = (1 + more) * standing.spec.trial.worst_gpu_seconds / SECONDS_PER_HOUR
    allowed = standing.spec.budget.max_gpu_hours
    what = "one more trial, and what leads to a first result," if more else "one more trial"
    message = f"{used:.2f} of {allowed} GPU hours are used, and {what} may take {worst:.2f}"
    return Limit("MaxGPUHoursReached", message)


LIMITS: tuple[Callable[[Standing], Limit | None], ...] = (
    _too_many_failed,
    _target_reached,
    _max_trials_reached,
    _space_exhausted,
    _max_seconds_reached,
    _max_gpu_hours_reached,
)
"""In the order in which they are reported if several apply."""


def find_deadline(spec: SearchSpec, start_time: datetime | None) -> datetime | None:
    """Return when ``maxSeconds`` are over; None without such a limit or before the start."""
    if spec.budget.max_seconds is None or start_time is None:
        return None
    return start_time + timedelta(seconds=spec.budget.max_seconds)


def budget_shares(spec: SearchSpec, totals: Totals, start_time: datetime | None, now: datetime) -> dict[str, float]:
    """Return the used share of each budget that is set, by field name; above 1 if it was exceeded."""
    budget = spec.budget
    shares = {"maxTrials": totals.total / budget.max_trials}
    if budget.max_failed_trials:
        shares["maxFailedTrials"] = totals.counts[TrialState.FAILED] / budget.max_failed_trials
    if budget.max_gpu_hours:
        shares["maxGPUHours"] = totals.gpu_seconds / SECONDS_PER_HOUR / budget.max_gpu_hours
    if budget.max_seconds and start_time is not None:
        shares["maxSeconds"] = (now - start_time).total_seconds() / budget.max_seconds
    return shares


def saved_gpu_seconds(totals: Totals) -> float:
    """Estimate as ``saved_by_stopping``."""
    cut = totals.stopped_at.total() + totals.paused_at.total()
    return saved_by_stopping(totals.full_gpu_seconds, totals.full_trainings, totals.cut_gpu_seconds, cut)


def saved_by_stopping(full_cost: float, full_trainings: int, stopped_cost: float, stopped: int) -> float:
    """Estimate what trials that were stopped or paused at rungs would have taken besides, had each taken as long as the
    mean of those that were trained to the end; 0 before the first of them. Costs are sums, in any unit.
    """
    if not full_trainings:
        return 0.0
    return max(0.0, full_cost / full_trainings * stopped - stopped_cost)


def affordable_trials(spec: SearchSpec, totals: Totals) -> float:
    """Return how many more trials fit ``maxGPUHours``, as ``affordable_attempts``.

    Where trials pause and none has been trained to its end, what leads from the highest rung so far to the last must
    stay affordable: otherwise a search could end without a result.
    """
    return affordable_attempts(spec, totals) - _attempts_to_a_result(spec, totals)


def _attempts_to_a_result(spec: SearchSpec, totals: Totals) -> int:
    """Return how many attempts, beside the one that comes next, lead to a trial that is trained to its end."""
    if spec.fidelity is None or not spec.fidelity.pauses or totals.counts[TrialState.SUCCEEDED]:
        return 0
    reached = max((place for place, step in enumerate(spec.fidelity.steps, 1) if totals.open_at[step]), default=1)
    return len(spec.fidelity.steps) - reached


def affordable_attempts(spec: SearchSpec, totals: Totals) -> float:
    """Return how many more attempts fit ``maxGPUHours`` if each of them runs until its timeout, and so does each that
    runs or is about to, and each confirmation to come.
    """
    worst = spec.trial.worst_gpu_seconds
    if spec.budget.max_gpu_hours is None or worst == 0:
        return math.inf
    confirmations = 0 if spec.confirm is None else max(0, spec.confirm.runs - totals.confirmed)
    reserved = worst * (totals.unfinished + confirmations)
    return (spec.budget.max_gpu_hours * SECONDS_PER_HOUR - totals.gpu_seconds - reserved) // worst
