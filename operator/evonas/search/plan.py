"""The decision of one pass of the control loop: records and views in, actions out. Pure and level-triggered.

``plan`` forgets nothing and remembers nothing: whatever it is shown, a search half done by another process included,
it names the next steps. The executors of ``cluster`` and ``local`` perform them in the order of the fields of ``Plan``,
which is the order of writes of design §1.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from evonas.search.attempt import AttemptView
from evonas.search.budget import Limit, Standing, affordable_trials, find_deadline, find_limit
from evonas.search.settle import settle
from evonas.search.trial import Trial, TrialState
from evonas.spec import SearchSpec

QUEUED_QUIETLY = timedelta(seconds=5)
"""A trial is recorded as Queued only after this time: most start sooner, and each record costs a write."""


@dataclass(frozen=True)
class Plan:
    """What to do now."""

    records: tuple[Trial, ...] = ()
    """Trials whose record changed, those with a result first and in the order of their sequence."""
    stops: tuple[tuple[int, int], ...] = ()
    """(index, attempt) of attempts that are given up but would go on: stop them."""
    starts: tuple[tuple[int, int], ...] = ()
    """(index, attempt) of attempts to start."""
    proposals: int = 0
    """How many new candidates to propose, record and start."""
    limit: Limit | None = None
    """Why no more trials will be proposed."""
    is_over: bool = False
    """True when a limit is reached and nothing is under way any more."""
    wake_at: datetime | None = None
    """When to plan again though nothing has changed."""
    trials: tuple[Trial, ...] = ()
    """All trials as they stand once ``records`` are written."""


def plan(
    spec: SearchSpec,
    trials: Sequence[Trial],
    views: Mapping[int, AttemptView],
    *,
    created: Mapping[int, datetime],
    start_time: datetime | None,
    now: datetime,
) -> Plan:
    """Decide the next steps of a search.

    ``views`` holds what is seen of each unfinished trial's current or latest attempt, by the trial's index; ``created``
    when each trial was recorded.
    """
    settled = {trial.index: trial for trial in trials}
    for trial in trials:
        view = views.get(trial.index)
        if not trial.state.is_final and view is not None and view.number == trial.current_attempt:
            settled[trial.index] = settle(spec, trial, view)
    _give_up_unaffordable(spec, trials, settled)
    records, wake_at = _records(trials, settled, created, now)
    stops = tuple((index, view.number) for index, view in views.items() if view.must_stop)
    current = tuple(settled[trial.index] for trial in trials)
    wake_at = _earliest(wake_at, *(view.deadline for view in views.values()))
    limit = find_limit(Standing(spec, current, start_time, now))
    unfinished = [trial for trial in current if not trial.state.is_final]
    starts = () if spec.suspend else tuple(_starts(unfinished, views))
    proposals = 0
    if limit is None and not spec.suspend:
        room = min(spec.budget.parallel_trials - len(unfinished), spec.budget.max_trials - len(current))
        proposals = int(max(0, min(room, spec.space.size - len(current), affordable_trials(spec, current))))
        wake_at = _earliest(wake_at, find_deadline(spec, start_time))
    return Plan(
        records=records,
        stops=stops,
        starts=starts,
        proposals=proposals,
        limit=limit,
        is_over=limit is not None and not unfinished,
        wake_at=wake_at,
        trials=current,
    )


def _give_up_unaffordable(spec: SearchSpec, before: Sequence[Trial], settled: dict[int, Trial]) -> None:
    """Fail the retries that could break ``maxGPUHours``: each needs another reservation."""
    for trial in before:
        retrying = settled[trial.index]
        if len(retrying.attempts) > len(trial.attempts) and not retrying.state.is_final:
            if affordable_trials(spec, tuple(settled.values())) >= 0:
                continue
            message = f"a retry could exceed maxGPUHours; the last attempt ended with {retrying.message}"
            settled[trial.index] = replace(
                retrying, state=TrialState.FAILED, reason="MaxGPUHoursReached", message=message
            )


def _starts(unfinished: Sequence[Trial], views: Mapping[int, AttemptView]) -> list[tuple[int, int]]:
    starts = []
    for trial in unfinished:
        view = views.get(trial.index)
        if view is None or (view.number < trial.current_attempt and not view.holds_resources):
            starts.append((trial.index, trial.current_attempt))
    return starts


def _records(
    before: Sequence[Trial], settled: dict[int, Trial], created: Mapping[int, datetime], now: datetime
) -> tuple[tuple[Trial, ...], datetime | None]:
    """Return the records to write, with places in the sequence assigned in ``settled``, and when to look again."""
    results: list[Trial] = []
    progress: list[Trial] = []
    wake_at: datetime | None = None
    for trial in before:
        changed = settled[trial.index]
        if changed == trial:
            continue
        if changed.state.is_final:
            results.append(changed)
        elif _is_worth_recording(trial, changed):
            ripe = created.get(trial.index, now) + QUEUED_QUIETLY
            if changed.state is not TrialState.QUEUED or len(changed.attempts) > len(trial.attempts) or now >= ripe:
                progress.append(changed)
            else:
                wake_at = _earliest(wake_at, ripe)
    results.sort(key=lambda trial: (trial.completion_time or now, trial.index))
    sequence = max((trial.sequence or 0 for trial in before), default=0)
    numbered: list[Trial] = []
    for trial in results:
        if trial.state is not TrialState.FAILED:
            sequence += 1
            trial = replace(trial, sequence=sequence)  # noqa: PLW2901
        settled[trial.index] = trial
        numbered.append(trial)
    return (*numbered, *progress), wake_at


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _is_worth_recording(before: Trial, after: Trial) -> bool:
    return (before.state, before.reason, len(before.attempts)) != (after.state, after.reason, len(after.attempts))
