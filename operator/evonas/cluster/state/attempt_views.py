"""Gathers what the store knows about one search into the input of ``plan``. Pure; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from evonas.cluster.state.as_made import as_made
from evonas.cluster.state.crowd import telling_pods
from evonas.cluster.state.job_view import view_attempt
from evonas.cluster.state.readings import NOT_READ, Reading
from evonas.cluster.state.records import PLAIN_JOB, PodRecord, TrialRecord, WorkloadRecord
from evonas.cluster.state.store import AttemptKey, Children
from evonas.cluster.state.succession import latest
from evonas.cluster.state.workload_view import view_workload
from evonas.search.attempt import AttemptPhase, AttemptView, QueuedReason
from evonas.search.codec import from_time
from evonas.search.names import PROGRESS_ANNOTATION
from evonas.search.trial import EndedAttempt, Trial
from evonas.search.trial_progress import Progress, parse_progress
from evonas.spec import SearchSpec, TrialSpec


def view_attempts(spec: SearchSpec, children: Children, now: datetime) -> dict[int, AttemptView]:
    """Return the view of each unfinished trial's latest attempt, if anything of it still exists.

    A paused trial has one only while anything of it may still run.
    """
    views = {}
    still_running = children.running if children.table.paused else ()
    leaving = {index: trial for index, _ in still_running if (trial := children.table.paused.get(index)) is not None}
    for index, trial in (children.table.unfinished | leaving).items():
        job = find_workload(children, trial)
        if job is not None and job.owner_uid == children.trials[index].uid:
            pods = children.pods.get((index, job.attempt), {})
            made = as_made(spec.trial, job)
            view = view_of(made, job, pods.values(), now, children.readings, trial.attempts)
            progress = None if spec.fidelity is None else _progress(made, children, view, pods.values())
            views[index] = replace(view, fingerprint=job.fingerprint, progress=progress)
        elif job is None and _any_pod_lives(children, trial):
            message = "the pod of a deleted Job is still terminating"
            views[index] = AttemptView(trial.current_attempt, AttemptPhase.QUEUED, QueuedReason.STOPPING, message)
    return views


def view_of(
    trial: TrialSpec,
    record: WorkloadRecord,
    pods: Iterable[PodRecord],
    now: datetime,
    readings: Mapping[str, Reading],
    told: Sequence[EndedAttempt] = (),
) -> AttemptView:
    """Return the view of one attempt, with the trial ``as_made``; ``told`` is what is on record of all that its trial
    has had.
    """
    if record.kind == PLAIN_JOB or trial.workload is None:
        return replace(view_attempt(trial, record, pods, now, readings), gpus=trial.gpus)
    return view_workload(trial, record, pods, now, readings, told)


def find_workload(children: Children, trial: Trial) -> WorkloadRecord | None:
    """Return the Job of the current attempt, else of the previous one, which must be gone before the next may start."""
    attempt = trial.current_attempt
    return children.workloads.get((trial.index, attempt)) or children.workloads.get((trial.index, attempt - 1))


def find_releases(spec: SearchSpec, children: Children) -> list[tuple[WorkloadRecord, int]]:
    """Return the Jobs whose result is recorded and whose time to live has not started, each with its seconds to live.

    Jobs of failed attempts are kept longer; those that are to be stopped need none.
    """
    releases = []
    for job in _settled(children):
        trial = children.trials[job.index].trial
        if not job.released and (job.is_finished or not trial.is_cut_short):
            well = _ended_well(trial, job.attempt)
            seconds = spec.trial.ttl_seconds_after_finished if well else spec.trial.ttl_seconds_after_failed
            releases.append((job, seconds))
    return releases


def find_overdue(spec: SearchSpec, children: Children, now: datetime) -> tuple[list[WorkloadRecord], datetime | None]:
    """Return the Jobs that should have ended by now, since their result is recorded, and when the next one is due."""
    overdue: list[WorkloadRecord] = []
    next_due: datetime | None = None
    for job in _settled(children):
        trial = children.trials[job.index].trial
        ended = trial.completion_time
        if job.is_finished or job.deleting or ended is None:
            continue
        # Whoever wrote that it was cut short may have ended before it deleted the Job.
        due = ended if trial.is_cut_short else ended + spec.trial.exit_grace
        if due <= now:
            overdue.append(job)
        else:
            next_due = due if next_due is None else min(next_due, due)
    return overdue, next_due


def find_expired(children: Children, now: datetime) -> tuple[list[WorkloadRecord], datetime | None]:
    """Return the workloads whose time to live, which the operator keeps, has expired, and when the next one's will."""
    kept = [children.workloads[key] for key in children.open_workloads if children.workloads[key].expires is not None]
    due = [record for record in kept if record.is_finished and record.expires is not None and record.expires <= now]
    later = [record.expires for record in kept if record.expires is not None and record.expires > now]
    return due, min(later, default=None)


def find_leaving(children: Children) -> set[AttemptKey]:
    """Return the attempts of trials that were cut short, and of those whose pods outlast their end, as far as anything
    of them may still run.
    """
    known = (key for key in children.running if key[0] in children.trials)
    return {key for key in known if _leaves(children, key)}


def _leaves(children: Children, key: AttemptKey) -> bool:
    return children.trials[key[0]].trial.is_cut_short or (children.has_ended(key[0]) and children.outlasts(key))


def find_expiry(spec: SearchSpec, status: Mapping[str, Any]) -> datetime | None:
    """Return when a finished search is to be deleted; None if it stays."""
    completed = from_time(status.get("completionTime"))
    if completed is None or spec.ttl_seconds_after_finished is None:
        return None
    return completed + timedelta(seconds=spec.ttl_seconds_after_finished)


def awaits(record: TrialRecord, attempt: int) -> bool:
    """Say whether that attempt is still the one to start: another operator may have advanced the trial."""
    return record.trial.state.holds_place and record.trial.current_attempt == attempt


def _ended_well(trial: Trial, attempt: int) -> bool:
    """Say whether an attempt that is over had a result: at the end of the training, or at a rung where it paused."""
    if trial.state.teaches and attempt == trial.current_attempt - 1:
        return True
    return any(ended.number == attempt and ended.paused for ended in trial.attempts)


def _progress(trial: TrialSpec, children: Children, view: AttemptView, pods: Iterable[PodRecord]) -> Progress | None:
    """Return what the pod that is shown has reported of its progress."""
    if trial.report is not None:
        told = telling_pods(trial, pods)
        in_container = trial.workload is None or trial.workload.kind.trains_in_container
        last, _ = latest(each for each in told if each[0].name == view.pod or not in_container)
        return NOT_READ.progress if last is None else children.readings.get(last.uid, NOT_READ).progress
    said = (pod.annotations.get(PROGRESS_ANNOTATION) for pod in pods if pod.name == view.pod)
    return next((parse_progress(text) for text in said if text is not None), None)


def _settled(children: Children) -> list[WorkloadRecord]:
    """Return the open Jobs whose attempt is over according to the trial's record."""
    jobs = [children.workloads[key] for key in children.open_workloads if key[0] in children.trials]
    return [
        job
        for job in jobs
        if (trial := children.trials[job.index].trial).state.is_final or job.attempt < trial.current_attempt
    ]


def _any_pod_lives(children: Children, trial: Trial) -> bool:
    attempts = (trial.current_attempt, trial.current_attempt - 1)
    pods = [pod for attempt in attempts for pod in children.pods.get((trial.index, attempt), {}).values()]
    return any(not pod.gone and not pod.is_terminal for pod in pods)
