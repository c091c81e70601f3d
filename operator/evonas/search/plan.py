"""The decision of one pass of the control loop: records and views in, actions out. Pure and level-triggered.

``plan`` keeps no state: for whatever it is shown, even a search half done by another process, it names the next steps.
The executors of ``cluster`` and ``local`` perform them in the order of the fields of ``Plan``, which is the order of
writes (docs/architecture.md, invariant 5).

Finished trials enter as totals, so that a pass does not grow with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from evonas.search.attempt import AttemptPhase, AttemptView, QueuedReason
from evonas.search.backlog import NOTHING, Backlog, listed_trials
from evonas.search.budget import (
    Limit,
    Standing,
    affordable_attempts,
    affordable_trials,
    find_deadline,
    find_limit,
)
from evonas.search.confirmation import due_confirmations
from evonas.search.interventions import NONE, Vetoes
from evonas.search.outcome import conclude
from evonas.search.pausing import find_waiting
from evonas.search.rungs import enter, reached
from evonas.search.settle import cancel, settle, take_over, take_reused, veto
from evonas.search.totals import Totals
from evonas.search.trial import PROMOTED, RungResult, Trial, TrialState, in_words
from evonas.spec import SearchSpec

QUEUED_QUIETLY = timedelta(seconds=5)
"""A trial is recorded as Queued only after this time: most start sooner, and recording costs a write."""


NOBODY: Mapping[int, Trial] = MappingProxyType({})


@dataclass(frozen=True)
class Plan:
    """What to do now."""

    totals: Totals
    """All trials as they stand once ``records`` are written."""
    unfinished: tuple[Trial, ...] = ()
    """Those that run or are about to, by index."""
    records: tuple[Trial, ...] = ()
    """Trials whose record changed, the ``results`` first."""
    results: int = 0
    """How many of ``records`` have an outcome or results at rungs that were not recorded before: to be written one by
    one, in the order of their sequence."""
    promotions: tuple[Trial, ...] = ()
    """Those of ``records`` that were paused and go on: the last of them."""
    stops: tuple[tuple[int, int], ...] = ()
    """(index, attempt) of attempts that are no longer wanted but would continue: stop them."""
    starts: tuple[tuple[int, int], ...] = ()
    """(index, attempt) of attempts to start."""
    imports: tuple[Trial, ...] = ()
    """Results from elsewhere to record; the next pass uses them. Before anything is proposed."""
    listed: tuple[Trial, ...] = ()
    """Candidates that the user wants tried: trials to record and start. Never together with proposals."""
    proposals: int = 0
    """How many new candidates to propose, record and start."""
    confirmations: tuple[Trial, ...] = ()
    """Leaders to train again: trials to record and start. Never together with proposals."""
    limit: Limit | None = None
    """Why no more trials will be proposed; once the search is over, also whether it has failed."""
    is_over: bool = False
    """True once a limit is reached and nothing is running any more."""
    wake_at: datetime | None = None
    """When to plan again even if nothing changes."""

    def without_new(self, until: datetime) -> Plan:
        """Return the same without new trials, which are decided again at that moment."""
        wake_at = until if self.imports or self.listed else _earliest(self.wake_at, until)
        return replace(self, imports=(), listed=(), proposals=0, confirmations=(), wake_at=wake_at)


def plan(
    spec: SearchSpec,
    finished: Totals,
    unfinished: Sequence[Trial],
    views: Mapping[int, AttemptView],
    *,
    created: Mapping[int, datetime],
    start_time: datetime | None,
    now: datetime,
    backlog: Backlog = NOTHING,
    vetoes: Vetoes = NONE,
    paused: Mapping[int, Trial] = NOBODY,
    leaving: int = 0,
) -> Plan:
    """Decide the next steps of a search.

    ``finished`` are the totals of the trials that have ended or are ``paused``. ``views`` holds the view of each
    unfinished trial's current or latest attempt, by the trial's index, of a paused one only as long as anything of it
    may still run; ``created`` when each was recorded. ``leaving`` counts the attempts of finished trials that are being
    stopped, or outlast their end, and still hold their resources: the next trials wait for them.
    """
    if paused.keys() & vetoes.keys():
        vetoed = [trial for index, trial in paused.items() if index in vetoes]
        paused = {index: trial for index, trial in paused.items() if index not in vetoes}
        finished, unfinished = finished.without(vetoed), [*unfinished, *vetoed]
    settled, ascents = _settle_all(spec, unfinished, views, vetoes, now)
    order = _number(spec, finished, unfinished, settled, ascents, views, now)
    _give_up_unaffordable(spec, finished, unfinished, settled)
    limit = find_limit(Standing(spec, finished.plus(settled.values()), start_time, now))
    if limit is not None and limit.cuts_short and spec.on_complete == "Cancel":
        for index, trial in settled.items():
            if trial.state.holds_place and not trial.is_confirmation:
                settled[index] = cancel(spec, trial, views.get(index), limit.reason, now)
    stops = tuple(
        (index, view.number) for index, view in views.items() if index in settled and _must_stop(settled[index], view)
    )
    cut_short = sum(settled[index].is_cut_short for index, _ in stops)
    outlasting = sum(
        view.outlasts and settled[index].state.is_final for index, view in views.items() if index in settled
    )
    results, progress, wake_at = _records(unfinished, settled, order, created, now)
    totals = finished.plus(settled.values())
    left = tuple(trial for trial in settled.values() if trial.state.holds_place)
    places = spec.budget.parallel_trials - len(left)
    free = max(0, places - leaving - cut_short - outlasting)
    has_paused = any(trial.state is TrialState.PAUSED for trial in settled.values())
    if has_paused:
        # Once that is recorded, it may be the next to go on.
        places, free, wake_at = 0, 0, _earliest(wake_at, now)
    lingering = _lingering(paused, views)
    is_idle = not (left or has_paused or lingering)
    waiting = find_waiting(spec, totals, [*paused.values()], limit, max(1, free), is_idle=is_idle)
    going_on = [] if spec.suspend else waiting[:free]
    promotions = [trial for trial in going_on if trial.index not in lingering]
    # Who goes on only once nothing of its last attempt runs any more has its place until then, too.
    places, free = places - len(going_on), free - len(going_on)
    if promotions:
        totals = finished.without(paused[trial.index] for trial in promotions).plus([*promotions, *settled.values()])
        left = (*left, *promotions)
    proposals, listed, due = 0, list[Trial](), list[Trial]()
    imports = backlog.imports if limit is None and not spec.suspend else ()
    if limit is None and not spec.suspend:
        room = min(free, spec.budget.max_trials - totals.total, spec.space.size - totals.candidates)
        room = int(max(0, min(room, affordable_trials(spec, totals))))
        if not imports:
            listed = listed_trials(backlog.listed[:room], totals)
            proposals = 0 if listed else room
        # The agent proposes only after it has learned from these.
        wake_at = _earliest(wake_at, find_deadline(spec, start_time), now if imports or listed else None)
    elif limit is not None and not (limit.failed or waiting) and all(trial.is_confirmation for trial in left):
        due = due_confirmations(spec, totals, places)
    if cut_short:
        # Nothing may tell of their end: a local run has waited for it when the plan was carried out.
        wake_at = _earliest(wake_at, now)
    is_over = limit is not None and not (left or due or waiting or has_paused or lingering)
    return Plan(
        totals=totals,
        unfinished=left,
        records=(*results, *progress, *promotions),
        results=len(results),
        promotions=tuple(promotions),
        stops=stops,
        starts=() if spec.suspend else tuple(_starts(left, views)),
        imports=tuple(imports),
        listed=tuple(listed),
        proposals=proposals,
        confirmations=() if spec.suspend else tuple(due[:free]),
        limit=conclude(limit, totals) if limit is not None and is_over else limit,
        is_over=is_over,
        wake_at=_earliest(wake_at, *(view.deadline for view in views.values())),
    )


def _settle_all(
    spec: SearchSpec,
    unfinished: Sequence[Trial],
    views: Mapping[int, AttemptView],
    vetoes: Vetoes,
    now: datetime,
) -> tuple[dict[int, Trial], dict[int, Sequence[RungResult]]]:
    """Return the trials after what was seen of them, and their new results at rungs, both by index."""
    settled = {trial.index: trial for trial in unfinished}
    ascents: dict[int, Sequence[RungResult]] = {}
    for trial in unfinished:
        view = views.get(trial.index)
        if trial.imported is not None:
            settled[trial.index] = take_over(trial, trial.imported, now)
        elif trial.reused is not None:
            settled[trial.index] = take_reused(trial, trial.reused, now)
        elif view is not None and view.number == trial.current_attempt:
            settled[trial.index] = settle(spec, trial, view)
            ascents[trial.index] = reached(spec, settled[trial.index], view)
        stands = settled[trial.index]
        if trial.index in vetoes and not stands.state.is_final:
            settled[trial.index] = veto(spec, stands, view, vetoes[trial.index], now)
            ascents.pop(trial.index, None)
    return settled, ascents


def _give_up_unaffordable(
    spec: SearchSpec, finished: Totals, before: Sequence[Trial], settled: dict[int, Trial]
) -> None:
    """Fail the retries and replacements that could exceed ``maxGPUHours``: each needs another reservation."""
    for trial in before:
        changed = settled[trial.index]
        if not changed.state.holds_place or changed.attempts == trial.attempts:
            continue
        if affordable_attempts(spec, finished.plus(settled.values())) < 0:
            last = changed.attempts[-1]
            why = in_words(last.reason, last.message)
            message = f"another attempt could exceed maxGPUHours; the last one ended with {why}"
            settled[trial.index] = replace(
                changed,
                state=TrialState.FAILED,
                reason="MaxGPUHoursReached",
                message=message,
                completion_time=last.completion_time,
            )


def _must_stop(trial: Trial, view: AttemptView) -> bool:
    return view.must_stop or (trial.state.is_final and view.phase is not AttemptPhase.ENDED)


def _lingering(paused: Mapping[int, Trial], views: Mapping[int, AttemptView]) -> set[int]:
    """Return the paused trials of whose last attempt anything may still run."""
    return {index for index, view in views.items() if index in paused and view.holds_resources}


def _starts(unfinished: Sequence[Trial], views: Mapping[int, AttemptView]) -> list[tuple[int, int]]:
    starts = []
    for trial in unfinished:
        view = views.get(trial.index)
        if view is None or (view.number < trial.current_attempt and not view.holds_resources):
            starts.append((trial.index, trial.current_attempt))
    return starts


def _number(
    spec: SearchSpec,
    finished: Totals,
    before: Sequence[Trial],
    settled: dict[int, Trial],
    ascents: Mapping[int, Sequence[RungResult]],
    views: Mapping[int, AttemptView],
    now: datetime,
) -> list[int]:
    """Assign places in the sequence in ``settled``, and stop trials at rungs; returns the indexes in that order."""
    sequence = max([finished.last_sequence, *(trial.last_sequence for trial in before)])
    standings = finished.plus(before).standings if any(ascents.values()) else {}
    order = sorted(settled, key=lambda index: (settled[index].completion_time or now, index))
    for index in order:
        trial = entered = settled[index]
        if results := ascents.get(index):
            entered = enter(spec, standings, trial, results, views.get(index), sequence, now)
            sequence = max(sequence, entered.last_sequence)
        if entered.state.teaches and entered.sequence is None and not entered.is_confirmation:
            sequence += 1
            entered = replace(entered, sequence=sequence)
        settled[index] = entered
    return order


def _records(
    before: Sequence[Trial],
    settled: Mapping[int, Trial],
    order: Sequence[int],
    created: Mapping[int, datetime],
    now: datetime,
) -> tuple[list[Trial], list[Trial], datetime | None]:
    """Return the records to write, results (in order) apart from progress, and when to look again."""
    results: dict[int, Trial] = {}
    progress: list[Trial] = []
    wake_at: datetime | None = None
    for trial in before:
        changed = settled[trial.index]
        if changed.state.is_final or changed.rungs != trial.rungs:
            results[trial.index] = changed
        elif _is_worth_recording(trial, changed):
            ripe = created.get(trial.index, now) + QUEUED_QUIETLY
            if changed.state is not TrialState.QUEUED or changed.attempts != trial.attempts or now >= ripe:
                progress.append(changed)
            else:
                wake_at = _earliest(wake_at, ripe)
    return [results[index] for index in order if index in results], progress, wake_at


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _is_worth_recording(before: Trial, after: Trial) -> bool:
    if before.reason == PROMOTED and after.reason == QueuedReason.STARTING and after.attempts == before.attempts:
        return False
    if (before.state, before.reason, before.attempts) != (after.state, after.reason, after.attempts):
        return True
    # The words of whoever keeps it waiting may come later; of those that change, the first are enough.
    return bool(before.message) and after.message.startswith(f"{before.message}: ")
