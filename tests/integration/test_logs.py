"""Results that are in what containers print, read by the API server from the fake node.

Every pod there has the same log (``harness.kwok``), which the node serves as a kubelet does, by the same library.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.client import Cluster
from harness.kwok import PRINTED
from tests.integration.searches import condition, events_of, trials, wait_for_release, wait_until
from tests.operator_process import LEASE_ROLE, USER, OperatorProcess, bind, search

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]


def _printing(name: str, *, report: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    trial = {"retries": 0, "report": {"from": "Logs", **(report or {})}}
    body = search(name, objective={"metric": "accuracy"}, trial=trial, **spec)
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": {"evonas-test/duration": "300ms"}}
    return body


def _log_requests(cluster: Cluster, namespace: str, user: str = USER) -> Counter[str]:
    """Return how often a user asked for the log of each pod that there was, by the API server's audit log."""
    asked: Counter[str] = Counter()
    for event in cluster.audit_events(namespace):
        reference = event.get("objectRef", {})
        is_log = reference.get("subresource") == "log" and reference.get("namespace") == namespace
        if is_log and event["stage"] == "ResponseComplete" and event["user"].get("username") == user:
            asked[reference["name"]] += event["responseStatus"]["code"] == 200
    return +asked


def test_results_are_read_once_each_from_what_containers_print(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(_printing("printing"))
    wait_until(cluster, namespace, "printing", "Complete")
    records = trials(cluster, namespace)
    assert [float(record["status"]["reward"]) for record in records] == [PRINTED] * 12
    assert [record["status"]["metrics"] for record in records] == [{"accuracy": str(PRINTED)}] * 12
    # Nothing is let go before its log was read, and everything after that.
    wait_for_release(cluster, namespace)
    pods = {pod["metadata"]["name"] for pod in cluster.list("pods", namespace)}
    assert _log_requests(cluster, namespace) == dict.fromkeys(pods, 1)


def test_values_on_the_way_are_results_at_rungs(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    budget = {"maxTrials": 4, "parallelTrials": 2}
    apply(_printing("climbing", budget=budget, fidelity={"rungs": {"min": 1, "max": 9}, "rule": "None"}))
    wait_until(cluster, namespace, "climbing", "Complete")
    for record in trials(cluster, namespace):
        rungs = {rung["step"]: round(float(rung["value"]), 9) for rung in record["status"]["rungs"]}
        assert rungs == {1: 0.1, 3: 0.3}
        assert float(record["status"]["reward"]) == PRINTED


def test_trial_whose_metric_is_not_printed_fails_with_what_was_looked_for(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = _printing("missing", budget={"maxTrials": 1, "parallelTrials": 1})
    body["spec"]["objective"] = {"metric": "val_accuracy"}
    apply(body)
    wait_until(cluster, namespace, "missing", "Failed")
    (record,) = trials(cluster, namespace)
    assert record["status"]["reason"] == "MetricMissing"
    assert record["status"]["message"].startswith("no value of 'val_accuracy' in 9 lines of output")
    assert record["status"]["message"].endswith("the last line is 'epoch 9: accuracy=0.9'")


def test_search_waits_for_the_right_to_read_logs_before_it_spends_anything(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    user = f"without-logs-{namespace}"
    cluster.apply(yaml.safe_dump_all([bind(name, user) for name in ("evonas-operator", LEASE_ROLE)]))
    operator = OperatorProcess(
        cluster, tmp_path / "operator.log", [namespace], kubeconfig=cluster.kubeconfig_for(user), cold=False
    )
    operator.start()
    body = _printing("waiting", budget={"maxTrials": 2, "parallelTrials": 2})
    cluster.apply(yaml.safe_dump(body), namespace)
    wait_until(cluster, namespace, "waiting", "Stalled")
    refused = condition(cluster.get("nas", "waiting", namespace), "Accepted")
    assert (refused["status"], refused["reason"]) == ("False", "LogsForbidden")
    assert 'cannot get resource "pods/log"' in refused["message"]
    assert "trialLogs.read=true" in refused["message"]
    assert trials(cluster, namespace) == []
    cluster.apply(yaml.safe_dump(bind("evonas-operator-logs", user)))
    wait_until(cluster, namespace, "waiting", "Complete")
    assert operator.stop() == 0


def test_search_with_another_tools_placeholders_runs_and_says_so(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = search("braces", container={"args": ["--a1={a1}"]}, budget={"maxTrials": 1, "parallelTrials": 1})
    apply(body)
    found = wait_until(cluster, namespace, "braces", "Complete")
    said = condition(found, "Placeholders")
    assert (said["status"], said["reason"]) == ("True", "NotReplaced")
    assert "write $(EVONAS_D_A1)" in said["message"]
    (event,) = events_of(cluster, namespace, "Placeholders")
    assert event["type"] == "Warning"
