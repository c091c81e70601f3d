"""Gathers what the store knows of one search into what ``plan`` takes. Pure; no decision is made here."""

from __future__ import annotations

from datetime import datetime

from evonas.cluster.attempts import view_attempt
from evonas.cluster.records import JobRecord
from evonas.cluster.store import Children
from evonas.search.attempt import AttemptView
from evonas.search.trial import Trial
from evonas.spec import SearchSpec


def observe_attempts(spec: SearchSpec, children: Children, now: datetime) -> dict[int, AttemptView]:
    """Return the view of each unfinished trial's latest attempt that still has a Job."""
    views = {}
    for index, record in children.trials.items():
        if record.trial.state.is_final:
            continue
        job = find_job(children, record.trial)
        if job is not None and job.owner_uid == record.uid:
            pods = children.pods.get((index, job.attempt), {}).values()
            views[index] = view_attempt(spec.trial, job, pods, now)
    return views


def find_job(children: Children, trial: Trial) -> JobRecord | None:
    """Return the Job of the current attempt, else of the one before, which must be gone before the next may start."""
    attempt = trial.current_attempt
    return children.jobs.get((trial.index, attempt)) or children.jobs.get((trial.index, attempt - 1))


def find_unreleased(children: Children) -> list[JobRecord]:
    """Return the Jobs whose result is recorded and whose time to live has not begun."""
    unreleased = []
    for (index, attempt), job in children.jobs.items():
        record = children.trials.get(index)
        if record is None or job.released or job.deleting:
            continue
        if record.trial.state.is_final or attempt < record.trial.current_attempt:
            unreleased.append(job)
    return unreleased
