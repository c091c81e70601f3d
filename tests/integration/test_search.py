"""A search from its application to its end, on a real control plane with simulated pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from harness.client import Cluster
from tests.integration.searches import (
    HELD,
    assert_sound,
    change,
    condition,
    finished,
    let_go,
    running,
    trials,
    wait_for_release,
    wait_until,
)
from tests.operator_process import USER, OperatorProcess, search

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]


def test_completes_with_one_result_per_trial_and_few_writes(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = search("full", budget={"maxTrials": 40, "parallelTrials": 4})
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": {"evonas-test/duration": "1s"}}
    apply(body)
    body = wait_until(cluster, namespace, "full", "Complete")
    wait_for_release(cluster, namespace)
    assert_sound(cluster, namespace, "full", 40)
    assert body["status"]["trials"] == {
        "total": 40, "queued": 0, "running": 0, "succeeded": 40, "infeasible": 0, "failed": 0, "cancelled": 0
    }  # fmt: skip
    assert condition(body, "Complete")["reason"] == "MaxTrialsReached"
    assert condition(body, "Accepted")["observedGeneration"] == body["metadata"]["generation"]
    assert body["status"]["gpuSeconds"] >= 40
    assert "finalizers" not in body["metadata"]
    _assert_few_writes(cluster, namespace, body["status"])
    metrics = operator.ask("/metrics")[1]
    assert f'evonas_search_trials{{namespace="{namespace}",search="full",state="succeeded"}} 40.0' in metrics
    assert "evonas_report_to_record_seconds_count 40.0" in metrics
    assert not [name for body in trials(cluster, namespace) if (name := body["metadata"]["name"]) in metrics]
    cluster.wait_for("the last own write to come back", lambda: _watch_ages(operator) == [0.0] * 3)
    cluster.kubectl("delete", "nas", "full", "-n", namespace)
    cluster.wait_for("its series to vanish", lambda: namespace not in operator.ask("/metrics")[1])


def _assert_few_writes(cluster: Cluster, namespace: str, status: dict[str, Any]) -> None:
    """Five writes a trial, and the search's own; more only of what a busy machine is slow in."""
    references = [event["objectRef"] for event in cluster.writes(USER)]
    written = Counter(
        "/".join(filter(None, (reference["resource"], reference.get("subresource"))))
        for reference in references
        if reference.get("namespace") == namespace
    )
    records = trials(cluster, namespace)
    # What keeps a trial waiting is told after five seconds: why it has no pod, no node, no container.
    late = [
        body for body in records if _seconds(body["metadata"]["creationTimestamp"], body["status"]["startTime"]) > 4
    ]
    took = _seconds(status["startTime"], status["completionTime"])
    # Each Job is created and released, and one is tried before.
    assert (written["architecturetrials"], written["jobs"]) == (len(records), 2 * len(records) + 1)
    assert written["architecturetrials/status"] <= 2 * len(records) + 3 * len(late)
    assert written["architecturesearches/status"] <= took / 2 + 6


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def test_optunas_trials_are_recorded(cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply) -> None:
    apply(search("optuna", agent={"type": "Optuna"}, budget={"maxTrials": 12, "parallelTrials": 4}))
    wait_until(cluster, namespace, "optuna", "Complete")
    assert {body["spec"]["proposal"]["origin"] for body in trials(cluster, namespace)} == {"sampler"}


def test_prints_as_a_table_that_people_can_read(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(search("table", budget={"maxTrials": 2, "parallelTrials": 2}))
    wait_until(cluster, namespace, "table", "Complete")
    header, row = cluster.kubectl("get", "nas", "table", "-n", namespace).splitlines()
    assert header.split() == [
        "NAME", "AGENT", "RUNNING", "SUCCEEDED", "FAILED", "MAX", "BEST", "FRONT", "PROGRESS", "COMPLETE", "AGE"
    ]  # fmt: skip
    assert row.split()[:6] == ["table", "Evolution", "0", "2", "0", "2"]
    assert row.split()[7:9] == ["MaxTrialsReached", "True"]
    listed = cluster.kubectl("get", "nastrial", "-n", namespace).splitlines()
    assert listed[0].split() == ["NAME", "SEARCH", "INDEX", "ORIGIN", "STATE", "RUNG", "REWARD", "REASON", "AGE"]
    assert listed[1].split()[1:5] == ["table", "0", "random", "Succeeded"]


def test_is_exact_after_two_kills(cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply) -> None:
    apply(search("killed", budget={"maxTrials": 40, "parallelTrials": 4}))
    for enough in (8, 20):
        cluster.wait_for(f"{enough} results", lambda enough=enough: finished(cluster, namespace) >= enough)  # type: ignore[misc]
        operator.kill()
        operator.start()
    wait_until(cluster, namespace, "killed", "Complete")
    assert_sound(cluster, namespace, "killed", 40)


def test_deletion_needs_no_operator(cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply) -> None:
    apply(search("gone"))
    cluster.wait_for("running pods", lambda: len(cluster.list("pods", namespace)) >= 4)
    operator.stop()
    cluster.kubectl("delete", "nas", "gone", "-n", namespace, "--timeout=120s")
    for kind in ("nastrial", "jobs", "pods"):
        cluster.wait_for(f"no {kind}", lambda kind=kind: not cluster.list(kind, namespace))  # type: ignore[misc]


def test_suspension_lets_running_trials_finish_and_starts_no_others(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = search("pausing", budget={"maxTrials": 20, "parallelTrials": 2})
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": HELD}
    apply(body)
    cluster.wait_for("two running pods", lambda: len(running(cluster, namespace)) == 2)
    change(cluster, namespace, "pausing", {"suspend": True})
    body = wait_until(cluster, namespace, "pausing", "Suspended")
    assert condition(body, "Complete")["status"] == "False"
    let_go(cluster, namespace)
    cluster.wait_for(
        "nothing to run any more",
        lambda: condition(cluster.get("nas", "pausing", namespace), "Progressing").get("reason") == "Suspended",
    )
    assert [record["status"]["state"] for record in trials(cluster, namespace)] == ["Succeeded"] * 2
    change(cluster, namespace, "pausing", {"suspend": False})
    wait_until(cluster, namespace, "pausing", "Complete", meanwhile=lambda: let_go(cluster, namespace))
    assert_sound(cluster, namespace, "pausing", 20)


def test_target_ends_the_search_early(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    # The fake node's reward is at most 15 / (15 + 30).
    apply(search("aiming", objective={"target": 0.2}, budget={"maxTrials": 100, "parallelTrials": 2}))
    body = wait_until(cluster, namespace, "aiming", "Complete")
    assert condition(body, "Complete")["reason"] == "TargetReached"
    assert body["status"]["trials"]["total"] < 100


def test_small_space_ends_when_everything_was_tried(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    space = [{"name": "a1", "values": [1, 2]}, {"name": "a2", "values": [1, 2], "when": {"name": "a1", "values": [2]}}]
    apply(search("small", searchSpace=space, budget={"maxTrials": 50, "parallelTrials": 2}))
    body = wait_until(cluster, namespace, "small", "Complete")
    assert condition(body, "Complete")["reason"] == "SpaceExhausted"
    decisions = [body["spec"]["decisions"] for body in trials(cluster, namespace)]
    assert len(decisions) == 3
    assert {"a1": 1} in decisions


def test_budget_may_grow_after_completion(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(search("growing", budget={"maxTrials": 3, "parallelTrials": 1}))
    wait_until(cluster, namespace, "growing", "Complete")
    change(cluster, namespace, "growing", {"budget": {"maxTrials": 6}})
    cluster.wait_for("three more", lambda: finished(cluster, namespace) == 6)
    wait_until(cluster, namespace, "growing", "Complete")
    assert_sound(cluster, namespace, "growing", 6)


def test_every_job_that_takes_a_trials_place_counts_in_the_turnaround(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    listed = [{"a1": value, "a2": 1, "a3": 1} for value in (1, 2, 3)]
    budget = {"maxTrials": 5, "parallelTrials": 1}
    apply(search("turns", budget=budget, warmStart={"candidates": listed}, confirm={"top": 1, "repeats": 2}))
    wait_until(cluster, namespace, "turns", "Complete")
    # One after the other: each of the seven but the first takes the place of another.
    assert len(trials(cluster, namespace)) == 7
    cluster.wait_for(
        "all of them to be counted", lambda: "evonas_turnaround_seconds_count 6.0" in operator.ask("/metrics")[1]
    )


def test_two_searches_of_one_name_in_two_namespaces_stay_apart(cluster: Cluster, namespace: str, tmp_path: Any) -> None:
    import yaml

    with cluster.namespace(kept=True) as other:
        operator = OperatorProcess(cluster, tmp_path / "both.log", [namespace, other])
        operator.start()
        for where, count in ((namespace, 4), (other, 6)):
            body = search("twin", budget={"maxTrials": count, "parallelTrials": 2})
            cluster.apply(yaml.safe_dump(body), where)
        for where, count in ((namespace, 4), (other, 6)):
            wait_until(cluster, where, "twin", "Complete")
            assert_sound(cluster, where, "twin", count)
        assert operator.stop() == 0, operator.log


def _watch_ages(operator: OperatorProcess) -> list[float]:
    lines = operator.ask("/metrics")[1].splitlines()
    return [float(line.split()[-1]) for line in lines if line.startswith("evonas_watch_age_seconds{")]
