"""What ends a search and what becomes of what runs then; what is cleaned up, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.client import Cluster
from harness.errors import CommandFailed
from tests.integration.searches import (
    assert_sound,
    change,
    condition,
    finished,
    let_go,
    running,
    states,
    trials,
    wait_until,
    wait_until_observed,
)
from tests.operator_process import OperatorProcess, search

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]


def _search(name: str, *, duration: str = "300ms", outcome: str = "", **spec: Any) -> dict[str, Any]:
    body = search(name, **spec)
    annotations = {"evonas-test/duration": duration} | ({"evonas-test/outcome": outcome} if outcome else {})
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": annotations}
    return body


def test_cancel_stops_what_runs_when_the_time_is_over(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    budget = {"maxTrials": 20, "parallelTrials": 3, "maxSeconds": 3600}
    apply(_search("cut", duration="1h", budget=budget, onComplete="Cancel"))
    cluster.wait_for("three pods to have run for a second", lambda: len(running(cluster, namespace, seconds=1)) == 3)
    # Nothing is charged for a pod of which the operator does not know yet that it runs.
    cluster.wait_for("the operator to see them", lambda: states(cluster, namespace) == ["Running"] * 3)
    change(cluster, namespace, "cut", {"budget": {"maxSeconds": 1}})
    body = wait_until(cluster, namespace, "cut", "Failed")
    assert condition(body, "Failed")["reason"] == "NoTrialSucceeded"
    assert "3 Cancelled with MaxSecondsReached" in condition(body, "Failed")["message"]
    assert body["status"]["trials"] == {
        "total": 3, "queued": 0, "running": 0, "succeeded": 0, "infeasible": 0, "failed": 0, "cancelled": 3
    }  # fmt: skip
    assert body["status"]["gpuSeconds"] >= 3
    cluster.wait_for("no pod", lambda: not cluster.list("pods", namespace))
    for record in trials(cluster, namespace):
        assert (record["status"]["state"], record["status"]["reason"]) == ("Cancelled", "MaxSecondsReached")
        assert "sequence" not in record["status"]


def test_drain_lets_what_runs_finish_when_the_time_is_over(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    budget = {"maxTrials": 20, "parallelTrials": 3, "maxSeconds": 3600}
    apply(_search("drained", duration="1h", budget=budget))
    cluster.wait_for("three pods to have run for a second", lambda: len(running(cluster, namespace, seconds=1)) == 3)
    change(cluster, namespace, "drained", {"budget": {"maxSeconds": 1}})
    wait_until_observed(cluster, namespace, "drained")
    body = wait_until(cluster, namespace, "drained", "Complete", meanwhile=lambda: let_go(cluster, namespace))
    assert condition(body, "Complete")["reason"] == "MaxSecondsReached"
    assert body["status"]["trials"]["succeeded"] == body["status"]["trials"]["total"] == 3


def test_gpu_hours_are_kept_by_reservation(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    # Two GPUs for at most 20 s are 40 GPU seconds: two such reservations fit, and each trial gives most of its back.
    container = {"resources": {"limits": {"nvidia.com/gpu": 2}}}
    budget = {"maxTrials": 50, "parallelTrials": 10, "maxGPUHours": 0.03}
    apply(_search("hours", duration="3s", container=container, budget=budget, trial={"timeoutSeconds": 20}))
    most = 0

    def over() -> bool:
        nonlocal most
        body = cluster.get("nas", "hours", namespace)
        counts = body.get("status", {}).get("trials", {})
        most = max(most, counts.get("running", 0) + counts.get("queued", 0))
        return condition(body, "Complete").get("status") == "True"

    cluster.wait_for("the end of the budget", over, 180)
    body = cluster.get("nas", "hours", namespace)
    assert condition(body, "Complete")["reason"] == "MaxGPUHoursReached"
    assert most <= 2
    assert 68 < body["status"]["gpuSeconds"] <= 108


def test_lowering_parallel_trials_touches_nothing_that_runs_or_ran(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(_search("lowered", duration="1h", budget={"maxTrials": 12, "parallelTrials": 6}))
    cluster.wait_for("six pods", lambda: len(running(cluster, namespace)) == 6)
    cluster.kubectl("scale", "nas", "lowered", "-n", namespace, "--replicas=1")
    wait_until_observed(cluster, namespace, "lowered")
    wait_until(cluster, namespace, "lowered", "Complete", meanwhile=lambda: let_go(cluster, namespace))
    assert_sound(cluster, namespace, "lowered", 12)


def test_failed_jobs_stay_longer_and_a_finished_search_goes_with_all_it_owns(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    trial = {"retries": 0, "ttlSecondsAfterFinished": 1, "ttlSecondsAfterFailed": 3600}
    budget = {"maxTrials": 2, "parallelTrials": 2}
    apply(_search("broken", outcome="fail", budget=budget, trial=trial))
    apply(_search("passing", budget=budget, trial=trial, ttlSecondsAfterFinished=3600))
    wait_until(cluster, namespace, "passing", "Complete")
    cluster.wait_for("the good Jobs to go", lambda: not cluster.list("jobs", namespace, "evonas.dev/search=passing"))
    assert len(trials(cluster, namespace, "passing")) == 2
    wait_until(cluster, namespace, "broken", "Failed")
    change(cluster, namespace, "passing", {"ttlSecondsAfterFinished": 1})
    cluster.wait_for("the passing search to go", lambda: not trials(cluster, namespace, "passing"))
    with pytest.raises(CommandFailed, match="not found"):
        cluster.get("nas", "passing", namespace)

    def times_to_live() -> list[int | None]:
        jobs = cluster.list("jobs", namespace, "evonas.dev/search=broken")
        return [job["spec"].get("ttlSecondsAfterFinished") for job in jobs]

    cluster.wait_for("the bad Jobs' release", lambda: None not in times_to_live())
    assert times_to_live() == [3600, 3600]
    assert finished(cluster, namespace) == 2


def test_leaders_are_trained_again_before_a_search_is_complete(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    budget = {"maxTrials": 6, "parallelTrials": 3}
    apply(_search("sure", duration="100ms", budget=budget, confirm={"top": 2, "repeats": 2}))
    body = wait_until(cluster, namespace, "sure", "Complete")
    assert body["status"]["trials"]["total"] == 6
    records = trials(cluster, namespace)
    proposed, confirmations = records[:6], records[6:]
    leaders = sorted(proposed, key=lambda record: (-float(record["status"]["reward"]), record["status"]["sequence"]))
    confirmed = {item["index"]: item for item in body["status"]["confirmed"]}
    assert set(confirmed) == {record["spec"]["index"] for record in leaders[:2]}
    for record in leaders[:2]:
        runs = [item for item in confirmations if item["spec"]["proposal"]["parent"] == record["spec"]["index"]]
        assert [item["spec"]["proposal"]["repeat"] for item in runs] == [1, 2]
        assert all(item["spec"]["decisions"] == record["spec"]["decisions"] for item in runs)
        assert all("sequence" not in item["status"] for item in runs)
        # The simulated pods give the same candidate the same reward.
        assert confirmed[record["spec"]["index"]]["mean"] == record["status"]["reward"]
        assert confirmed[record["spec"]["index"]]["runs"] == 2
