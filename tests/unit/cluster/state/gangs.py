"""A trial of a driver and two workers, and its JobSet and pods as the API server shows them at some second."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from evonas.cluster.state.records import ContainerState, PodRecord, WorkloadRecord
from evonas.spec import SearchSpec
from tests.unit.cluster.objects import job_record, pod_record
from tests.unit.search.support import NOW, search_body

CREATED = -1000
TIMEOUT = 600
START_TIMEOUT = 60


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def gang_spec(**trial: Any) -> SearchSpec:
    """Return the search; each worker takes two GPUs."""

    def group(name: str, pods: int, gpus: int) -> dict[str, Any]:
        container = {"name": "trial", "image": "none", "resources": {"limits": {"nvidia.com/gpu": gpus}}}
        job = {"completions": pods, "template": {"spec": {"containers": [container]}}}
        return {"name": name, "template": {"spec": job}}

    spec = {"replicatedJobs": [group("driver", 1, 0), group("workers", 2, 2)]}
    workload = {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "spec": spec}
    body = search_body()
    body["spec"]["trial"] = {
        "workload": workload,
        "timeoutSeconds": TIMEOUT,
        "startTimeoutSeconds": START_TIMEOUT,
        **trial,
    }
    return SearchSpec.parse(body)


def jobset(**fields: Any) -> WorkloadRecord:
    return job_record(**{"kind": "JobSet", "created": at(CREATED), **fields})


def failed(reason: str = "FailedJobs", message: str = "jobset failed", **fields: Any) -> WorkloadRecord:
    return jobset(failed=True, reason=reason, message=message, ended=at(0), **fields)


def complete(**fields: Any) -> WorkloadRecord:
    return jobset(complete=True, ended=at(0), **fields)


def running(since: float = -100) -> ContainerState:
    return ContainerState(started=at(since))


def ended(code: int, end: float = -10, message: str = "", since: float = -100, reason: str = "") -> ContainerState:
    return ContainerState(started=at(since), exit_code=code, finished=at(end), message=message, reason=reason)


def waiting(why: str, message: str = "") -> ContainerState:
    return ContainerState(waiting=why, message=message)


def pod(
    group: str,
    index: int,
    state: ContainerState | None,
    *,
    start: int = 0,
    created: float = -120,
    scheduled: float | None = -110,
    name: str | None = None,
    deleted: bool = False,
    **fields: Any,
) -> PodRecord:
    """Return a pod of the JobSet; by default it was scheduled."""
    labels = {
        "jobset.sigs.k8s.io/replicatedjob-name": group,
        "jobset.sigs.k8s.io/job-index": "0",
        "jobset.sigs.k8s.io/restart-attempt": str(start),
        "batch.kubernetes.io/job-completion-index": str(index),
    }
    called = name or f"{group}-{index}-{start}"
    given: dict[str, Any] = {
        "name": called,
        "uid": called,
        "labels": labels,
        "created": at(created),
        "scheduled": None if scheduled is None else at(scheduled),
        "node": None if scheduled is None else f"node-of-{called}",
        "phase": "Pending" if state is None or state.waiting else "Running" if state.exit_code is None else "Failed",
        "deletion": at(30) if deleted else None,
        "containers": {} if state is None else {"trial": state},
    }
    if state is not None and state.exit_code == 0:
        given["phase"] = "Succeeded"
    return pod_record(**{**given, **fields})


def gang(driver: ContainerState | None, *workers: ContainerState | None, **fields: Any) -> list[PodRecord]:
    """Return the driver and the workers, all alike."""
    return [
        pod("driver", 0, driver, **fields),
        *(pod("workers", index, state, **fields) for index, state in enumerate(workers)),
    ]
