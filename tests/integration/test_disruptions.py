"""Disruption is not failure: what is ended from outside runs again, with the same candidate, and uses up no retry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from harness.client import Cluster
from tests.integration.quotas import set_job_quota, set_pod_quota
from tests.integration.searches import (
    HELD,
    condition,
    events_of,
    let_go,
    running,
    trials,
    wait_for_quota_told,
    wait_until,
)
from tests.operator_process import OperatorProcess, search

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]


def _search(name: str, *, count: int = 2, **pod: Any) -> dict[str, Any]:
    body = search(name, budget={"maxTrials": count, "parallelTrials": count}, trial={"retries": 0})
    template = body["spec"]["trial"]["template"]
    template["metadata"] = {"annotations": HELD}
    template["spec"] |= pod
    return body


def _the_running(cluster: Cluster, namespace: str, count: int = 1) -> list[dict[str, Any]]:
    """Return the pods that run once there are so many."""

    def pods() -> list[dict[str, Any]] | None:
        found = running(cluster, namespace)
        return found if len(found) == count else None

    return cluster.wait_for(f"{count} running pods", pods) or []


def _complete(cluster: Cluster, namespace: str, name: str, *, seconds: float = 0) -> dict[str, Any]:
    """Have what runs end, once it has run for so long, until the search is complete; return the search."""
    return wait_until(
        cluster, namespace, name, "Complete", meanwhile=lambda: let_go(cluster, namespace, seconds=seconds)
    )


def _evict(cluster: Cluster, namespace: str, pod: str) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    cluster.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(body))


def _variable(pod: dict[str, Any], name: str) -> str:
    values: dict[str, str] = {item["name"]: item.get("value", "") for item in pod["spec"]["containers"][0]["env"]}
    return values[name]


def test_evicted_trial_runs_again_with_the_same_candidate_and_seed(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(_search("evicted"))
    victim, _ = _the_running(cluster, namespace, 2)
    index = victim["metadata"]["labels"]["evonas.dev/index"]
    _evict(cluster, namespace, victim["metadata"]["name"])

    def replacement() -> dict[str, Any] | None:
        pods = [pod for pod in running(cluster, namespace) if pod["metadata"]["labels"]["evonas.dev/index"] == index]
        return next((pod for pod in pods if pod["metadata"]["uid"] != victim["metadata"]["uid"]), None)

    second = cluster.wait_for("the replacement", replacement)
    assert second is not None
    for variable in ("EVONAS_DECISIONS", "EVONAS_SEED", "EVONAS_ATTEMPT"):
        assert _variable(second, variable) == _variable(victim, variable)
    body = _complete(cluster, namespace, "evicted", seconds=3)
    assert body["status"]["trials"]["succeeded"] == 2
    status = trials(cluster, namespace)[int(index)]["status"]
    assert status["disruptions"] == 1
    disrupted, completed = status["attempts"]
    assert (disrupted["reason"], disrupted["disrupted"]) == ("EvictionByEvictionAPI", True)
    assert (disrupted["pod"], disrupted["node"]) == (victim["metadata"]["name"], "fake")
    assert (completed["reason"], completed["pod"]) == ("Completed", second["metadata"]["name"])
    assert len(cluster.list("jobs", namespace)) == 2
    # The second pod alone held its GPU for as long.
    assert status["gpuSeconds"] >= 3


def test_disruption_that_the_operator_slept_through_is_listed_when_it_wakes(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(_search("asleep", count=1))
    victim = _the_running(cluster, namespace)[0]["metadata"]["name"]
    operator.kill()
    # A pod that its node has failed under stays as an object, unlike one that was evicted by a request.
    lost = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": "shutdown"}
    failed = {"status": {"phase": "Failed", "conditions": [lost]}}
    cluster.kubectl(
        "patch", "pod", victim, "-n", namespace, "--subresource=status", "--type=merge", "-p", json.dumps(failed)
    )
    operator.start()
    _complete(cluster, namespace, "asleep")
    status = trials(cluster, namespace)[0]["status"]
    assert [item["reason"] for item in status["attempts"]] == ["TerminationByKubelet", "Completed"]
    assert status["disruptions"] == 1


def test_pod_that_somebody_deletes_is_replaced(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = _search("deleted", count=1)
    body["spec"]["trial"]["retries"] = 1
    apply(body)
    (victim,) = _the_running(cluster, namespace)
    cluster.kubectl("delete", "pod", victim["metadata"]["name"], "-n", namespace)
    _complete(cluster, namespace, "deleted")
    status = trials(cluster, namespace)[0]["status"]
    assert [item["reason"] for item in status["attempts"]] == ["PodDeleted", "Completed"]


@pytest.fixture
def mortal_nodes(cluster: Cluster) -> Iterator[list[str]]:
    """Two nodes of a type of their own: no other search of this cluster may come here, to be lost with one of them."""
    nodes = ["mortal-1", "mortal-2"]
    for name in nodes:
        _create_node(cluster, name)
    yield nodes
    cluster.kubectl("delete", "node", *nodes, "--ignore-not-found")


def _create_node(cluster: Cluster, name: str) -> None:
    node = cluster.get("node", "fake")
    capacity = {"capacity": node["status"]["capacity"], "allocatable": node["status"]["capacity"]}
    body = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": node["metadata"]["annotations"],
            "labels": {**node["metadata"]["labels"], "kubernetes.io/hostname": name, "type": "mortal"},
        },
        "spec": {"taints": [{"key": "mortal", "effect": "NoSchedule"}]},
        "status": capacity,
    }
    cluster.kubectl("create", "-f", "-", input=yaml.safe_dump(body))
    cluster.kubectl(
        "patch", "node", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": capacity})
    )


def test_trial_whose_node_is_drained_by_taint_goes_on_elsewhere(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply, mortal_nodes: list[str]
) -> None:
    tolerations = [{"key": "mortal", "operator": "Exists"}]
    apply(_search("drained", count=1, tolerations=tolerations, nodeSelector={"type": "mortal"}))
    first = _the_running(cluster, namespace)[0]["spec"]["nodeName"]
    (second,) = set(mortal_nodes) - {first}
    cluster.kubectl("taint", "node", first, "gone=true:NoExecute")
    cluster.wait_for(
        "a pod elsewhere", lambda: {pod["spec"]["nodeName"] for pod in running(cluster, namespace)} == {second}
    )
    _complete(cluster, namespace, "drained")
    status = trials(cluster, namespace)[0]["status"]
    ended = [(item["node"], item["reason"], item.get("disrupted", False)) for item in status["attempts"]]
    assert ended == [(first, "DeletionByTaintManager", True), (second, "Completed", False)]


def test_pod_that_the_quota_has_no_room_for_is_told_and_goes_on_when_there_is(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    set_pod_quota(cluster, namespace, "none", {"requests.nvidia.com/gpu": "0"})
    apply(_search("full", count=1))
    wait_for_quota_told(cluster, namespace, "full", "none")
    assert events_of(cluster, namespace, "QuotaExceeded")
    cluster.kubectl("delete", "resourcequota", "none", "-n", namespace)
    _complete(cluster, namespace, "full")


def test_job_that_the_quota_refuses_is_told_and_offered_again(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    set_job_quota(cluster, namespace, "one")
    apply(_search("jobs", count=3))
    cluster.wait_for(
        "the reason",
        lambda: (
            "exceeded quota: one" in condition(cluster.get("nas", "jobs", namespace), "Progressing").get("message", "")
        ),
    )
    assert len(cluster.list("jobs", namespace)) == 1
    cluster.kubectl("delete", "resourcequota", "one", "-n", namespace)
    _complete(cluster, namespace, "jobs")
    assert len(cluster.list("jobs", namespace)) == 3
