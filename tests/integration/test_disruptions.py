"""Disruption is not failure: what is ended from outside runs again, with the same candidate, and uses up no retry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from harness.client import Cluster
from tests.integration.searches import condition, trials, wait_until
from tests.operator_process import OperatorProcess, search

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]

LONG = {"annotations": {"evonas-test/duration": "3s"}}


def _search(name: str, *, count: int = 2, **pod: Any) -> dict[str, Any]:
    body = search(name, budget={"maxTrials": count, "parallelTrials": count}, trial={"retries": 0})
    template = body["spec"]["trial"]["template"]
    template["metadata"] = LONG
    template["spec"] |= pod
    return body


def _running(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    return [pod for pod in cluster.list("pods", namespace) if pod["status"].get("phase") == "Running"]


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
    cluster.wait_for("two running pods", lambda: len(_running(cluster, namespace)) == 2)
    victim = _running(cluster, namespace)[0]
    index = victim["metadata"]["labels"]["evonas.dev/index"]
    _evict(cluster, namespace, victim["metadata"]["name"])

    def replacement() -> dict[str, Any] | None:
        pods = [pod for pod in _running(cluster, namespace) if pod["metadata"]["labels"]["evonas.dev/index"] == index]
        return next((pod for pod in pods if pod["metadata"]["uid"] != victim["metadata"]["uid"]), None)

    second = cluster.wait_for("the replacement", replacement)
    assert second is not None
    for variable in ("EVONAS_DECISIONS", "EVONAS_SEED", "EVONAS_ATTEMPT"):
        assert _variable(second, variable) == _variable(victim, variable)
    body = wait_until(cluster, namespace, "evicted", "Complete")
    assert body["status"]["trials"]["succeeded"] == 2
    status = trials(cluster, namespace)[int(index)]["status"]
    assert status["disruptions"] == 1
    disrupted, completed = status["attempts"]
    assert (disrupted["reason"], disrupted["disrupted"]) == ("EvictionByEvictionAPI", True)
    assert (disrupted["pod"], disrupted["node"]) == (victim["metadata"]["name"], "fake")
    assert (completed["reason"], completed["pod"]) == ("Completed", second["metadata"]["name"])
    assert len(cluster.list("jobs", namespace)) == 2
    # The second pod alone held its GPU for three seconds.
    assert status["gpuSeconds"] >= 3


def test_disruption_that_the_operator_slept_through_is_listed_when_it_wakes(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(_search("asleep", count=1))
    cluster.wait_for("a running pod", lambda: _running(cluster, namespace))
    victim = _running(cluster, namespace)[0]["metadata"]["name"]
    operator.kill()
    # A pod that its node has failed under stays as an object, unlike one that was evicted by a request.
    lost = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": "shutdown"}
    failed = {"status": {"phase": "Failed", "conditions": [lost]}}
    cluster.kubectl(
        "patch", "pod", victim, "-n", namespace, "--subresource=status", "--type=merge", "-p", json.dumps(failed)
    )
    operator.start()
    wait_until(cluster, namespace, "asleep", "Complete")
    status = trials(cluster, namespace)[0]["status"]
    assert [item["reason"] for item in status["attempts"]] == ["TerminationByKubelet", "Completed"]
    assert status["disruptions"] == 1


def test_pod_that_somebody_deletes_is_replaced(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = _search("deleted", count=1)
    body["spec"]["trial"]["retries"] = 1
    apply(body)
    cluster.wait_for("a running pod", lambda: _running(cluster, namespace))
    cluster.kubectl("delete", "pod", _running(cluster, namespace)[0]["metadata"]["name"], "-n", namespace)
    wait_until(cluster, namespace, "deleted", "Complete")
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
    cluster.wait_for("a running pod", lambda: _running(cluster, namespace))
    first = _running(cluster, namespace)[0]["spec"]["nodeName"]
    (second,) = set(mortal_nodes) - {first}
    cluster.kubectl("taint", "node", first, "gone=true:NoExecute")
    wait_until(cluster, namespace, "drained", "Complete")
    status = trials(cluster, namespace)[0]["status"]
    ended = [(item["node"], item["reason"], item.get("disrupted", False)) for item in status["attempts"]]
    assert ended == [(first, "DeletionByTaintManager", True), (second, "Completed", False)]


def test_pod_that_the_quota_has_no_room_for_is_told_and_goes_on_when_there_is(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"requests.nvidia.com/gpu": "0"}},
    }
    cluster.apply(yaml.safe_dump(quota), namespace)
    apply(_search("full", count=1))

    def told() -> dict[str, Any] | None:
        found = condition(cluster.get("nas", "full", namespace), "Progressing")
        return found if found.get("reason") == "QuotaExceeded" else None

    found = cluster.wait_for("the reason", told)
    assert found is not None
    assert "exceeded quota: none" in found["message"]
    assert trials(cluster, namespace)[0]["status"]["state"] == "Queued"
    assert "QuotaExceeded" in {event["reason"] for event in cluster.list("events", namespace)}
    cluster.kubectl("delete", "resourcequota", "none", "-n", namespace)
    wait_until(cluster, namespace, "full", "Complete")


def test_job_that_the_quota_refuses_is_told_and_offered_again(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "one"},
        "spec": {"hard": {"count/jobs.batch": "1"}},
    }
    cluster.apply(yaml.safe_dump(quota), namespace)
    apply(_search("jobs", count=3))
    cluster.wait_for(
        "the reason",
        lambda: (
            "exceeded quota: one" in condition(cluster.get("nas", "jobs", namespace), "Progressing").get("message", "")
        ),
    )
    assert len(cluster.list("jobs", namespace)) == 1
    cluster.kubectl("delete", "resourcequota", "one", "-n", namespace)
    wait_until(cluster, namespace, "jobs", "Complete")
    assert len(cluster.list("jobs", namespace)) == 3
