"""Searches whose trials are workloads of several pods, for kwok's fake node, and what tests ask about their pods."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from evonas.search.names import ATTEMPT_LABEL, INDEX_LABEL, REWARD_ANNOTATION
from harness.client import Cluster
from harness.errors import CommandFailed
from tests.integration.searches import running, trials, wait_until
from tests.operator_process import search

RANK = "batch.kubernetes.io/job-completion-index"
GROUP = "jobset.sigs.k8s.io/replicatedjob-name"


def indexed_job(
    name: str, *, pods: int = 3, annotations: Mapping[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """Return a search whose trials are Indexed Jobs of so many pods, each with a GPU."""
    body = search(name, **spec)
    job = {"completionMode": "Indexed", "completions": pods, "template": _template(body, annotations)}
    return _with_workload(body, "batch/v1", "Job", job)


def jobset(
    name: str,
    groups: Mapping[str, int],
    *,
    annotations: Mapping[str, Mapping[str, str]] | None = None,
    workload: Mapping[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """Return a search whose trials are JobSets with groups of so many pods, each with a GPU.

    ``annotations`` are those of a group's pods, ``workload`` more fields of the JobSet's spec.
    """
    body = search(name, **spec)
    replicated = [
        {
            "name": group,
            "template": {
                "spec": {
                    "completionMode": "Indexed",
                    "parallelism": pods,
                    "completions": pods,
                    "template": _template(body, (annotations or {}).get(group)),
                }
            },
        }
        for group, pods in groups.items()
    ]
    return _with_workload(
        body, "jobset.x-k8s.io/v1alpha2", "JobSet", {"replicatedJobs": replicated, **(workload or {})}
    )


def pods_of(cluster: Cluster, namespace: str, index: int = 0, *, attempt: int = 1) -> list[dict[str, Any]]:
    """Return the pods of a trial's attempt that there are, by name."""
    selector = f"{INDEX_LABEL}={index},{ATTEMPT_LABEL}={attempt}"
    return sorted(cluster.list("pods", namespace, selector), key=lambda pod: str(pod["metadata"]["name"]))


def all_pods_of(
    cluster: Cluster, namespace: str, count: int, index: int = 0, *, attempt: int = 1
) -> list[dict[str, Any]]:
    """Return the pods of a trial's attempt, by name, once there are so many.

    A trial ends with the pod that reports, which may be before the others have begun.
    """
    pods = f"pods of trial {index}"
    return so_many(cluster, pods, count, lambda: pods_of(cluster, namespace, index, attempt=attempt))


def all_running(cluster: Cluster, namespace: str, count: int) -> list[dict[str, Any]]:
    """Return the pods that run once there are so many, by name."""
    pods = so_many(cluster, "running pods", count, lambda: running(cluster, namespace))
    return sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))


def so_many(
    cluster: Cluster, what: str, count: int, listed: Callable[[], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Return what is listed once there are so many, neither fewer nor more."""

    def found() -> list[dict[str, Any]]:
        objects = listed()
        return objects if len(objects) == count else []

    return cluster.wait_for(f"{count} {what}", found)


def report(cluster: Cluster, namespace: str, pod: dict[str, Any], reward: str) -> None:
    """Have a pod report a reward, and end."""
    cluster.annotate("pod", pod["metadata"]["name"], namespace, {REWARD_ANNOTATION: reward})


def assert_told_the_same(pods: Collection[Mapping[str, Any]]) -> None:
    """All pods of a trial are told the same candidate, and each its own name; they run under the trials' account."""
    told = [{item["name"]: item.get("value") for item in pod["spec"]["containers"][0]["env"]} for pod in pods]
    assert len({variables["EVONAS_DECISIONS"] for variables in told}) == 1
    assert all("POD_NAME" in variables for variables in told)
    assert {pod["spec"]["serviceAccountName"] for pod in pods} == {"evonas-trial"}


def have_one_report(
    cluster: Cluster, namespace: str, name: str, reporter: dict[str, Any], *others: dict[str, Any]
) -> None:
    """Have the pods of a search's only trial report, the one that counts last, and see that only its report does."""
    for number, pod in enumerate(others, start=2):
        report(cluster, namespace, pod, str(number / 8))
    cluster.wait_for("the others to have ended", lambda: len(running(cluster, namespace)) == 1)
    cluster.wait_for(
        "the trial to run", lambda: trials(cluster, namespace)[0].get("status", {}).get("state") == "Running"
    )
    report(cluster, namespace, reporter, "0.125")
    wait_until(cluster, namespace, name, "Complete")
    (trial,) = trials(cluster, namespace)
    assert trial["status"]["reward"] == "0.125"
    assert trial["status"]["attempts"][-1]["pod"] == reporter["metadata"]["name"]


def let_all_go(cluster: Cluster, namespace: str, *, whole: int, seconds: float = 0) -> None:
    """Have the attempts end all of whose pods, so many, run and have run for so long: each pod reports a reward.

    A pod that ended before the others of its attempt begin would leave them less than a whole.
    """
    by_attempt: dict[str, list[dict[str, Any]]] = {}
    for pod in running(cluster, namespace, seconds=seconds):
        labels = pod["metadata"]["labels"]
        by_attempt.setdefault(f"{labels['evonas.dev/trial']} {labels[ATTEMPT_LABEL]}", []).append(pod)
    for pods in by_attempt.values():
        if len(pods) == whole:
            for pod in pods:
                # It may be gone by now.
                with suppress(CommandFailed):
                    report(cluster, namespace, pod, "0.5")


def _template(body: dict[str, Any], annotations: Mapping[str, str] | None) -> dict[str, Any]:
    return {**body["spec"]["trial"]["template"], "metadata": {"annotations": dict(annotations or {})}}


def _with_workload(body: dict[str, Any], api_version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    del body["spec"]["trial"]["template"]
    body["spec"]["trial"]["workload"] = {"apiVersion": api_version, "kind": kind, "spec": spec}
    return body
