"""Trials of several pods that Kubernetes' own controller runs: the Indexed Job needs nothing installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from evonas.search.names import REWARD_ANNOTATION
from harness.client import Cluster
from tests.integration.searches import (
    HELD,
    assert_results,
    change,
    condition,
    running,
    trials,
    wait_until,
)
from tests.integration.workloads import (
    RANK,
    all_pods_of,
    all_running,
    assert_told_the_same,
    have_one_report,
    indexed_job,
    let_all_go,
    pods_of,
    report,
)
from tests.operator_process import OperatorProcess

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]
ONE = {"maxTrials": 1, "parallelTrials": 1}


def test_search_of_indexed_jobs_completes_with_each_trial_trained_by_all_its_pods(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(indexed_job("indexed", budget={"maxTrials": 6, "parallelTrials": 2}))
    wait_until(cluster, namespace, "indexed", "Complete")
    assert_results(cluster, namespace, "indexed", 6)
    for index in range(6):
        pods = all_pods_of(cluster, namespace, 3, index)
        assert [pod["metadata"]["labels"][RANK] for pod in pods] == ["0", "1", "2"]
        assert_told_the_same(pods)


def test_only_the_pod_that_reports_has_a_say(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(indexed_job("one-reports", annotations=HELD, budget=ONE))
    first, second, third = all_running(cluster, namespace, 3)
    have_one_report(cluster, namespace, "one-reports", first, second, third)


def test_pod_that_reports_can_be_chosen_by_its_labels(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = indexed_job("chosen", annotations=HELD, budget=ONE)
    body["spec"]["trial"]["workload"]["reportingPod"] = {"matchLabels": {RANK: "2"}}
    template = body["spec"]["trial"]["workload"]["spec"]["template"]
    template["metadata"]["labels"] = {"role": "any"}
    apply(body)
    refused = cluster.wait_for("the verdict", lambda: condition(cluster.get("nas", "chosen", namespace), "Accepted"))
    assert refused["status"] == "False"
    assert "reportingPod: no pod template of the workload has these labels" in refused["message"]


def test_result_in_a_termination_message_counts_like_an_annotation(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(indexed_job("message", pods=2, annotations={"evonas-test/outcome": "message"}, budget=ONE))
    wait_until(cluster, namespace, "message", "Complete")
    (trial,) = trials(cluster, namespace)
    assert float(trial["status"]["reward"]) > 0
    assert all(REWARD_ANNOTATION not in pod["metadata"]["annotations"] for pod in pods_of(cluster, namespace))


def test_result_counts_at_once_and_pods_that_do_not_end_are_stopped_later(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = indexed_job("lingering", annotations=HELD, budget=ONE)
    body["spec"]["trial"]["workload"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1
    apply(body)
    first, *_ = all_running(cluster, namespace, 3)
    report(cluster, namespace, first, "0.25")
    wait_until(cluster, namespace, "lingering", "Complete")
    assert trials(cluster, namespace)[0]["status"]["reward"] == "0.25"
    cluster.wait_for("the others to be stopped", lambda: not pods_of(cluster, namespace))


def test_pod_that_is_deleted_is_replaced_and_the_trial_goes_on(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = indexed_job("replaced", annotations=HELD, budget=ONE, trial={"retries": 0})
    # Kubernetes counts a deleted pod as failed, where its Job may not have any.
    body["spec"]["trial"]["workload"]["spec"]["backoffLimit"] = 3
    apply(body)
    _, victim, _ = all_running(cluster, namespace, 3)
    cluster.kubectl("delete", "pod", victim["metadata"]["name"], "-n", namespace)
    wait_until(
        cluster, namespace, "replaced", "Complete", meanwhile=lambda: let_all_go(cluster, namespace, whole=3, seconds=2)
    )
    (trial,) = trials(cluster, namespace)
    assert trial["status"]["disruptions"] == 1
    lost, completed = trial["status"]["attempts"]
    assert (lost["pod"], lost["reason"], lost["disrupted"]) == (victim["metadata"]["name"], "PodDeleted", True)
    assert completed["reason"] == "Completed"
    # Three GPUs for two seconds at least, and what the lost one had held.
    assert trial["status"]["gpuSeconds"] >= 6


def test_pod_that_fails_ends_the_trials_attempt_which_is_retried_with_all_pods(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    annotations = {"evonas-test/outcome-0-1": "fail"}
    apply(indexed_job("retried", annotations=annotations, budget=ONE, trial={"retries": 1}))
    wait_until(cluster, namespace, "retried", "Complete")
    (trial,) = trials(cluster, namespace)
    failed, completed = trial["status"]["attempts"]
    assert (failed["number"], failed["reason"]) == (1, "NonZeroExitCode")
    assert (completed["number"], completed["reason"]) == (2, "Completed")
    all_pods_of(cluster, namespace, 3, attempt=2)


def test_workload_that_somebody_deletes_is_made_again(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(indexed_job("deleted", annotations=HELD, budget=ONE, trial={"retries": 0}))
    before = {pod["metadata"]["uid"] for pod in all_running(cluster, namespace, 3)}
    (job,) = cluster.list("jobs", namespace)
    cluster.kubectl("delete", "job", job["metadata"]["name"], "-n", namespace)
    cluster.wait_for(
        "other pods",
        lambda: (
            len(found := {pod["metadata"]["uid"] for pod in running(cluster, namespace)}) == 3 and not found & before
        ),
    )
    wait_until(cluster, namespace, "deleted", "Complete", meanwhile=lambda: let_all_go(cluster, namespace, whole=3))
    (trial,) = trials(cluster, namespace)
    assert trial["status"]["disruptions"] == 1
    assert [attempt["reason"] for attempt in trial["status"]["attempts"]] == ["WorkloadDeleted", "Completed"]


def test_suspended_search_starts_no_workload_and_veto_and_deletion_free_all_pods(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(indexed_job("freed", annotations=HELD, budget={"maxTrials": 4, "parallelTrials": 2}))
    all_running(cluster, namespace, 6)
    change(cluster, namespace, "freed", {"suspend": True})
    cluster.annotate("nas", "freed", namespace, {"evonas.dev/veto-0": "not this one"})
    cluster.wait_for("the vetoed trial's pods to be gone", lambda: not pods_of(cluster, namespace, 0))
    assert len(pods_of(cluster, namespace, 1)) == 3
    assert len(trials(cluster, namespace)) == 2
    change(cluster, namespace, "freed", {"suspend": False})
    cluster.wait_for("the next trial's pods", lambda: len(pods_of(cluster, namespace, 2)) == 3)
    cluster.kubectl("delete", "nas", "freed", "-n", namespace)
    cluster.wait_for("all pods to be gone", lambda: not cluster.list("pods", namespace))


def test_search_that_reaches_its_target_stops_the_pods_of_all_others(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = indexed_job("reached", pods=2, annotations=HELD, budget={"maxTrials": 9, "parallelTrials": 2})
    body["spec"]["objective"] = {"target": 0.9}
    body["spec"]["onComplete"] = "Cancel"
    apply(body)
    pods = all_running(cluster, namespace, 4)
    report(cluster, namespace, pods[0], "0.95")
    status = wait_until(cluster, namespace, "reached", "Complete")["status"]
    assert status["trials"]["succeeded"] == 1
    cluster.wait_for("no pod to run", lambda: not running(cluster, namespace))


def test_gpu_hours_are_those_of_all_pods(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    # An attempt of three GPUs for seven minutes at most: there is room for one of them at a time, not for two.
    body = indexed_job("hours", annotations=HELD, budget={"maxTrials": 3, "parallelTrials": 3, "maxGPUHours": 0.5})
    body["spec"]["trial"] |= {"timeoutSeconds": 300, "startTimeoutSeconds": 60}
    apply(body)
    all_running(cluster, namespace, 3)
    assert len(trials(cluster, namespace)) == 1
    let_all_go(cluster, namespace, whole=3, seconds=2)
    wait_until(
        cluster, namespace, "hours", "Complete", meanwhile=lambda: let_all_go(cluster, namespace, whole=3, seconds=2)
    )
    used = [float(trial["status"]["gpuSeconds"]) for trial in trials(cluster, namespace)]
    assert all(seconds >= 6 for seconds in used)


def test_workload_of_a_search_with_the_longest_name_runs(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    name = "9" + "x" * 39
    apply(indexed_job(name, pods=12, budget={"maxTrials": 2, "parallelTrials": 2}))
    wait_until(cluster, namespace, name, "Complete")
    for index in range(2):
        all_pods_of(cluster, namespace, 12, index)
