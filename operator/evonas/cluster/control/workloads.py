"""What makes the pods of an attempt: the Job of its template, or the workload that the search declares. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from evonas.cluster.client.resources import JOBS, Resource, resource_of
from evonas.cluster.control.attempt_objects import QueueLabels, change_of, is_queued, metadata_of
from evonas.cluster.control.jobs import build_job
from evonas.cluster.state.records import PLAIN_JOB, WorkloadRecord
from evonas.search.codec import SearchIdentity, to_time
from evonas.search.names import EXPIRY_ANNOTATION, workload_name
from evonas.search.trial import Trial
from evonas.spec import SearchSpec
from evonas.workloads.catalogue import kind_named

NAME_VARIABLE = "EVONAS_WORKLOAD"
"""Holds the workload's name in each of its pods, whose host names begin with it."""


def build_attempt(
    search: SearchIdentity,
    spec: SearchSpec,
    trial: Trial,
    trial_uid: str,
    *,
    service_account: str | None,
    queue_labels: QueueLabels = None,
    fields: frozenset[str] = frozenset(),
) -> tuple[Resource, dict[str, Any]]:
    """Return the object of the trial's current attempt, and its kind (see ``build_job``)."""
    workload = spec.trial.workload
    if workload is None:
        job = build_job(search, spec, trial, trial_uid, service_account=service_account, queue_labels=queue_labels)
        return JOBS, job
    kind = workload.kind
    longest = kind.longest_name(workload.spec)
    name = workload_name(search.name, search.uid, trial.index, trial.current_attempt, longest)
    told = {NAME_VARIABLE: name}
    change = change_of(search, spec, trial, service_account, more_variables=told, fields=fields)
    built = kind.build(workload.spec, change)
    return resource_of(kind.name), {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": metadata_of(search, spec, trial, trial_uid, name, queue_labels),
        "spec": kind.suspend(built) if is_queued(queue_labels) else built,
    }


def jobs_within(
    spec: SearchSpec, sent: Mapping[str, Any], stored: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the Jobs by which an API server can judge the pods of an attempt's object, each with the path of what it is
    of. ``sent`` is the object, ``stored`` what the server would make of it.
    """
    workload = spec.trial.workload
    for field, job in () if workload is None else workload.kind.jobs(stored["spec"]):
        # No such Job exists, and whoever judges by labels and owners finds those that the pods' maker has.
        yield field, {"apiVersion": JOBS.api_version, "kind": JOBS.kind, "metadata": sent["metadata"], "spec": job}


def release_of(record: WorkloadRecord, seconds: int, now: datetime) -> dict[str, Any]:
    """Return the patch that lets an ended attempt be deleted after so many seconds; where its engine has no time to
    live, it says when the operator is to do that.
    """
    if record.kind == PLAIN_JOB:
        return {"spec": {"ttlSecondsAfterFinished": seconds}}
    kind = kind_named(record.kind)
    patch: dict[str, Any] = {"spec": kind.release(seconds)}
    if not kind.has_time_to_live:
        patch["metadata"] = {"annotations": {EXPIRY_ANNOTATION: to_time(now + timedelta(seconds=seconds))}}
    return patch
