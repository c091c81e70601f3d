"""Quotas that are in force: until its controller has counted what there is, a new one lets everything pass."""

from __future__ import annotations

import json
from typing import Any

from harness.client import Cluster
from harness.errors import CommandFailed

_JOBS = "count/jobs.batch"


def set_pod_quota(cluster: Cluster, namespace: str, name: str, hard: dict[str, str], *, gpus: int = 1) -> None:
    """Make a quota that leaves no room for a pod with so many GPUs; it is in force when this returns."""
    _make(cluster, namespace, name, hard)
    container = {"name": "probe", "image": "none", "resources": {"limits": {"nvidia.com/gpu": gpus}}}
    cluster.wait_for("the quota to be in force", lambda: not _takes(cluster, namespace, _pod(container)))


def set_job_quota(cluster: Cluster, namespace: str, name: str) -> None:
    """Make a quota with room for one Job; it is in force when this returns.

    It has no room at first: a Job made while its controller counts may be left out until that counts again, minutes
    later.
    """
    _make(cluster, namespace, name, {_JOBS: "0"})
    job = _job("probe")
    cluster.wait_for("the quota to be in force", lambda: not _takes(cluster, namespace, job))
    cluster.rest.merge("quota", name, namespace, {"spec": {"hard": {_JOBS: "1"}}})
    cluster.wait_for("the room for one", lambda: _takes(cluster, namespace, job))


def _make(cluster: Cluster, namespace: str, name: str, hard: dict[str, str]) -> None:
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": {"hard": hard}}
    cluster.rest.ask("POST", cluster.rest.kind("quota").path(namespace), json.dumps(body))


def _takes(cluster: Cluster, namespace: str, body: dict[str, Any]) -> bool:
    path = cluster.rest.kind(body["kind"], body["apiVersion"]).path(namespace)
    try:
        cluster.rest.ask("POST", f"{path}?dryRun=All", json.dumps(body))
    except CommandFailed as refusal:
        if "exceeded quota" not in refusal.stderr:
            raise
        return False
    return True


def _pod(container: dict[str, Any]) -> dict[str, Any]:
    spec = {"restartPolicy": "Never", "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": spec}


def _job(name: str) -> dict[str, Any]:
    template = {"spec": _pod({"name": "probe", "image": "none"})["spec"]}
    spec = {"suspend": True, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}
