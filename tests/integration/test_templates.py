"""What a template names reaches the pods as it was written: scheduler, priority, runtime; and the account is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from harness.client import Cluster
from tests.integration.searches import HELD, condition, events_of, let_go, running, wait_until
from tests.operator_process import OperatorProcess, search

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]

CLASSES = [
    {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "research"}, "value": 7},
    {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "sandboxed"}, "handler": "gvisor"},
]


def test_classes_and_any_gpu_resource_reach_the_pods(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    cluster.apply(yaml.safe_dump_all(CLASSES))
    body = search("classes", budget={"maxTrials": 2, "parallelTrials": 2})
    pod = body["spec"]["trial"]["template"]["spec"]
    pod |= {"priorityClassName": "research", "runtimeClassName": "sandboxed"}
    apply(body)
    wait_until(cluster, namespace, "classes", "Complete")
    for found in cluster.list("pods", namespace):
        assert (found["spec"]["priorityClassName"], found["spec"]["priority"]) == ("research", 7)
        assert found["spec"]["runtimeClassName"] == "sandboxed"
        assert found["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "1"}


def test_trials_wait_for_the_scheduler_that_they_name(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = search("other", container={"resources": {"limits": {"example.com/gpu": 1}}})
    body["spec"]["trial"]["template"]["spec"]["schedulerName"] = "another"
    apply(body)
    pods = cluster.wait_for("the pods", lambda: cluster.list("pods", namespace))
    assert {pod["spec"]["schedulerName"] for pod in pods} == {"another"}
    assert pods[0]["spec"]["containers"][0]["resources"]["limits"] == {"example.com/gpu": "1"}
    cluster.wait_for(
        "the search to wait",
        lambda: condition(cluster.get("nas", "other", namespace), "Progressing").get("reason") == "TrialsStarting",
    )
    assert cluster.get("nas", "other", namespace)["status"]["trials"]["running"] == 0


def test_account_that_somebody_deleted_was_never_made_again(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = search("robbed", budget={"maxTrials": 6, "parallelTrials": 1})
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": HELD}
    apply(body)
    cluster.wait_for("a pod", lambda: running(cluster, namespace))
    cluster.kubectl("delete", "serviceaccount", "evonas-trial", "-n", namespace)
    wait_until(cluster, namespace, "robbed", "Complete", meanwhile=lambda: let_go(cluster, namespace))
    # The search had said why it waited.
    assert all("evonas-trial" in event["message"] for event in events_of(cluster, namespace, "AdmissionDenied"))
