"""Gathers what the store knows of one search into what ``plan`` takes. Pure; no decision is made here."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from evonas.cluster.attempts import view_attempt
from evonas.cluster.records import JobRecord
from evonas.cluster.store import Children
from evonas.search.attempt import AttemptPhase, AttemptView, QueuedReason
from evonas.search.trial import Trial
from evonas.spec import SearchSpec


def observe_attempts(spec: SearchSpec, children: Children, now: datetime) -> dict[int, AttemptView]:
    """Return the view of each unfinished trial's latest attempt of which there is anything left."""
    views = {}
    for index, trial in children.table.unfinished.items():
        job = find_job(children, trial)
        if job is not None and job.owner_uid == children.trials[index].uid:
            pods = children.pods.get((index, job.attempt), {}).values()
            views[index] = replace(view_attempt(spec.trial, job, pods, now), fingerprint=job.fingerprint)
        elif job is None and _any_pod_lives(children, trial):
            message = "the pod of a deleted Job is still being ended"
            views[index] = AttemptView(trial.current_attempt, AttemptPhase.QUEUED, QueuedReason.STOPPING, message)
    return views


def find_job(children: Children, trial: Trial) -> JobRecord | None:
    """Return the Job of the current attempt, else of the one before, which must be gone before the next may start."""
    attempt = trial.current_attempt
    return children.jobs.get((trial.index, attempt)) or children.jobs.get((trial.index, attempt - 1))


def find_unreleased(children: Children) -> list[JobRecord]:
    """Return the Jobs whose result is recorded and whose time to live has not begun."""
    return [job for job in _settled_jobs(children) if not job.released]


def find_overdue(spec: SearchSpec, children: Children, now: datetime) -> tuple[list[JobRecord], datetime | None]:
    """Return the Jobs that should have ended by now, since their result is recorded, and when the next will be due."""
    overdue: list[JobRecord] = []
    next_due: datetime | None = None
    for job in _settled_jobs(children):
        ended = children.trials[job.index].trial.completion_time
        if job.is_finished or job.deleting or ended is None:
            continue
        due = ended + spec.trial.exit_grace
        if due <= now:
            overdue.append(job)
        else:
            next_due = due if next_due is None else min(next_due, due)
    return overdue, next_due


def _settled_jobs(children: Children) -> list[JobRecord]:
    """Return the open Jobs whose attempt is over according to its trial's record."""
    jobs = [children.jobs[key] for key in children.open_jobs if key[0] in children.trials]
    return [
        job
        for job in jobs
        if (trial := children.trials[job.index].trial).state.is_final or job.attempt < trial.current_attempt
    ]


def _any_pod_lives(children: Children, trial: Trial) -> bool:
    attempts = (trial.current_attempt, trial.current_attempt - 1)
    pods = [pod for attempt in attempts for pod in children.pods.get((trial.index, attempt), {}).values()]
    return any(not pod.gone and not pod.is_terminal for pod in pods)
