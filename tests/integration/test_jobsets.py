"""Trials that are JobSets: groups of pods that JobSet's own controller starts, starts again and ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evonas.search.names import TRIAL_LABEL
from harness.client import Cluster
from harness.fixtures import shared_or_skipped
from tests.integration.quotas import set_pod_quota
from tests.integration.searches import (
    HELD,
    assert_results,
    change,
    condition,
    running,
    trials,
    wait_for_quota_told,
    wait_until,
    wait_until_observed,
)
from tests.integration.workloads import (
    GROUP,
    all_pods_of,
    all_running,
    assert_told_the_same,
    have_one_report,
    indexed_job,
    jobset,
    let_all_go,
    pods_of,
    report,
    so_many,
)
from tests.operator_process import OperatorProcess, install, search

pytestmark = [pytest.mark.kwok, pytest.mark.jobset]
Apply = Callable[[dict[str, Any]], None]
ONE = {"maxTrials": 1, "parallelTrials": 1}
TWO = {"driver": 1, "worker": 1}
BOTH_HELD = {"driver": HELD, "worker": HELD}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with shared_or_skipped("kwok", install, "jobset") as started:
        yield started


@pytest.fixture
def operator(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    process = OperatorProcess(
        cluster, tmp_path / "operator.log", [namespace], cold=False, options=("--workload", "JobSet")
    )
    process.start()
    yield process
    assert process.stop() == 0, process.log


def test_search_of_jobsets_with_two_groups_completes(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(jobset("two-groups", {"driver": 1, "worker": 2}, budget={"maxTrials": 6, "parallelTrials": 2}))
    wait_until(cluster, namespace, "two-groups", "Complete")
    assert_results(cluster, namespace, "two-groups", 6)
    for index in range(6):
        pods = all_pods_of(cluster, namespace, 3, index)
        assert [pod["metadata"]["labels"][GROUP] for pod in pods] == ["driver", "worker", "worker"]
        assert_told_the_same(pods)
    cluster.wait_for(
        "the JobSets to be released",
        lambda: all("ttlSecondsAfterFinished" in body["spec"] for body in cluster.list("jobsets", namespace)),
    )


def test_group_whose_pods_the_api_server_would_refuse_makes_no_jobset(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    good = jobset("refused", TWO, budget=ONE)
    bad = json.loads(json.dumps(good))
    _, worker = bad["spec"]["trial"]["workload"]["spec"]["replicatedJobs"]
    del worker["template"]["spec"]["template"]["spec"]["containers"][0]["image"]
    apply(bad)
    found = cluster.wait_for("the refusal", lambda: condition(cluster.get("nas", "refused", namespace), "Accepted"))
    assert (found["status"], found["reason"]) == ("False", "TemplateRefused")
    assert found["message"].startswith("spec.trial.workload.spec.replicatedJobs[1].template: ")
    assert "spec.template.spec.containers[0].image: Required value" in found["message"]
    assert not cluster.list("jobsets", namespace)
    assert not trials(cluster, namespace)
    change(cluster, namespace, "refused", good["spec"])
    wait_until(cluster, namespace, "refused", "Complete")


def test_jobset_with_a_coordinator_and_a_long_name_completes(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    name = "coordinated-search-of-a-long-name"
    coordinator = {"coordinator": {"replicatedJob": "worker", "jobIndex": 0, "podIndex": 1}}
    apply(jobset(name, {"driver": 1, "worker": 2}, workload=coordinator, budget=ONE))
    wait_until(cluster, namespace, name, "Complete")
    (trial,) = trials(cluster, namespace)
    assert "-worker-0-1-" in trial["status"]["attempts"][-1]["pod"]


def test_an_edit_of_the_workload_is_for_the_trials_that_start_later(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    budget = {"maxTrials": 2, "parallelTrials": 1}
    apply(jobset("edited", TWO, annotations=BOTH_HELD, budget=budget))
    driver, worker = all_running(cluster, namespace, 2)
    spec = jobset("edited", {"leader": 1, "first": 1, "second": 1}, budget=budget)["spec"]
    change(cluster, namespace, "edited", spec)
    wait_until_observed(cluster, namespace, "edited")
    for pod in (worker, driver):
        report(cluster, namespace, pod, "0.125")
    wait_until(cluster, namespace, "edited", "Complete")
    first, second = (trial["status"] for trial in trials(cluster, namespace))
    assert (first["reward"], len(first["attempts"]), first["attempts"][0]["pod"]) == (
        "0.125",
        1,
        driver["metadata"]["name"],
    )
    assert "-leader-" in second["attempts"][0]["pod"]
    pods = all_pods_of(cluster, namespace, 3, 1)
    assert [pod["metadata"]["labels"][GROUP] for pod in pods] == ["first", "leader", "second"]


def test_pod_that_reports_is_the_one_with_the_labels(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = jobset("labelled", {"worker": 2, "driver": 1}, annotations=BOTH_HELD, budget=ONE)
    workload = body["spec"]["trial"]["workload"]
    workload["reportingPod"] = {"matchLabels": {"role": "driver"}}
    for group in workload["spec"]["replicatedJobs"]:
        group["template"]["spec"]["template"]["metadata"]["labels"] = {"role": group["name"]}
    apply(body)
    driver, first, second = all_running(cluster, namespace, 3)
    have_one_report(cluster, namespace, "labelled", driver, first, second)


def test_worker_that_is_deleted_in_the_middle_is_replaced_and_the_trial_goes_on(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(jobset("replaced", TWO, annotations=BOTH_HELD, budget=ONE, trial={"retries": 0}))
    _, worker = all_running(cluster, namespace, 2)
    cluster.kubectl("delete", "pod", worker["metadata"]["name"], "-n", namespace)
    trial = _complete(cluster, namespace, "replaced", seconds=2)
    assert trial["status"]["disruptions"] == 1
    lost, completed = trial["status"]["attempts"]
    assert (lost["number"], lost["pod"], lost["reason"]) == (1, worker["metadata"]["name"], "PodDeleted")
    assert (completed["number"], completed["reason"]) == (1, "Completed")


def test_worker_whose_node_is_lost_starts_the_whole_again_which_is_one_disruption(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(jobset("restarted", {"driver": 1, "worker": 2}, annotations=BOTH_HELD, budget=ONE, trial={"retries": 0}))
    *_, worker = all_running(cluster, namespace, 3)
    lost = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": "shutdown"}
    (container,) = worker["status"]["containerStatuses"]
    times = {"startedAt": worker["status"]["startTime"], "finishedAt": worker["status"]["startTime"]}
    ended = {**container, "ready": False, "state": {"terminated": {"exitCode": 137, "reason": "Error", **times}}}
    failed = {"status": {"phase": "Failed", "conditions": [lost], "containerStatuses": [ended]}}
    cluster.kubectl(
        *("patch", "pod", worker["metadata"]["name"], "-n", namespace, "--subresource=status", "--type=merge"),
        *("-p", json.dumps(failed)),
    )
    trial = _complete(cluster, namespace, "restarted", whole=3, seconds=2)
    assert trial["status"]["disruptions"] == 1
    disrupted, completed = trial["status"]["attempts"]
    assert (disrupted["number"], disrupted["reason"]) == (1, "TerminationByKubelet")
    assert disrupted["pod"] == worker["metadata"]["name"]
    assert (completed["number"], completed["reason"]) == (1, "Completed")


def test_restarts_by_the_users_failure_policy_are_disruptions_and_their_end_is_a_failure(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    failing = {"worker": {"evonas-test/outcome-0-1": "fail"}, "driver": HELD}
    policy = {"failurePolicy": {"maxRestarts": 1}}
    apply(jobset("policy", TWO, annotations=failing, workload=policy, budget=ONE, trial={"retries": 1}))
    cluster.wait_for("the second attempt", lambda: pods_of(cluster, namespace, attempt=2))
    trial = _complete(cluster, namespace, "policy", whole=1)
    restarted, failed, completed = trial["status"]["attempts"]
    assert (restarted["number"], restarted["reason"], restarted["disrupted"]) == (1, "PodFailed", True)
    assert (failed["number"], failed["reason"]) == (1, "NonZeroExitCode")
    assert (completed["number"], completed["reason"]) == (2, "Completed")
    assert trial["status"]["disruptions"] == 1


def test_jobset_that_somebody_deletes_is_made_again(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(jobset("deleted", TWO, annotations=BOTH_HELD, budget=ONE, trial={"retries": 0}))
    before = {pod["metadata"]["uid"] for pod in all_running(cluster, namespace, 2)}
    (body,) = cluster.list("jobsets", namespace)
    cluster.kubectl("delete", "jobset", body["metadata"]["name"], "-n", namespace)
    cluster.wait_for("other pods", lambda: _are_others(running(cluster, namespace), before, 2))
    trial = _complete(cluster, namespace, "deleted")
    assert trial["status"]["disruptions"] == 1
    assert [attempt["reason"] for attempt in trial["status"]["attempts"]] == ["WorkloadDeleted", "Completed"]


def test_jobset_that_somebody_suspends_again_and_again_loses_its_pods_once_each_time(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(jobset("suspended", TWO, annotations=BOTH_HELD, budget=ONE, trial={"retries": 0}))
    (name,) = cluster.wait_for(
        "the JobSet", lambda: [body["metadata"]["name"] for body in cluster.list("jobsets", namespace)]
    )
    for times in (1, 2):
        before = {pod["metadata"]["uid"] for pod in all_running(cluster, namespace, 2)}
        # Of what was lost within one second, the record cannot tell whether it is the same.
        seen = time.time()
        cluster.wait_for("another second", lambda seen=seen: time.time() > seen + 2)  # type: ignore[misc]
        cluster.rest.merge("jobsets", name, namespace, {"spec": {"suspend": True}})

        def told(times: int = times) -> bool:
            status = trials(cluster, namespace)[0].get("status", {})
            return bool(status.get("state") == "Queued" and status.get("disruptions") == times)

        cluster.wait_for("the suspension to be told", told)
        assert trials(cluster, namespace)[0]["status"]["message"].startswith("its JobSet is suspended")
        cluster.rest.merge("jobsets", name, namespace, {"spec": {"suspend": False}})
        cluster.wait_for(
            "other pods",
            lambda before=before: _are_others(running(cluster, namespace), before, 2),  # type: ignore[misc]
        )
    trial = _complete(cluster, namespace, "suspended")
    assert trial["status"]["disruptions"] == 2
    reasons = [attempt["reason"] for attempt in trial["status"]["attempts"]]
    assert reasons == ["WorkloadSuspended", "WorkloadSuspended", "Completed"]


def test_names_at_the_limit_and_many_groups(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    name = "9" + "x" * 39
    groups = {f"group-{number:02d}": 1 for number in range(12)}
    apply(jobset(name, groups, budget={"maxTrials": 3, "parallelTrials": 3}))
    wait_until(cluster, namespace, name, "Complete")
    assert_results(cluster, namespace, name, 3)
    for index in range(3):
        all_pods_of(cluster, namespace, 12, index)


def test_searches_of_different_kinds_run_side_by_side(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    budget = {"maxTrials": 4, "parallelTrials": 2}
    apply(jobset("sets", TWO, budget=budget))
    apply(indexed_job("indexed", pods=2, budget=budget))
    apply(search("single", budget=budget))
    for name in ("sets", "indexed", "single"):
        wait_until(cluster, namespace, name, "Complete")
        assert_results(cluster, namespace, name, 4)
    # Two pods of each JobSet and Indexed Job, one of each Job: a search is complete before the last of them has begun.
    pods = so_many(cluster, "pods", 8 + 8 + 4, lambda: cluster.list("pods", namespace))
    assert len({pod["metadata"]["labels"][TRIAL_LABEL] for pod in pods}) == 12


def test_veto_target_and_deletion_free_all_pods(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = jobset("freed", TWO, annotations=BOTH_HELD, budget={"maxTrials": 9, "parallelTrials": 2})
    body["spec"] |= {"objective": {"target": 0.9}, "onComplete": "Cancel"}
    apply(body)
    all_running(cluster, namespace, 4)
    cluster.annotate("nas", "freed", namespace, {"evonas.dev/veto-0": "not this one"})
    cluster.wait_for("the vetoed trial's pods to be gone", lambda: not pods_of(cluster, namespace, 0))
    cluster.wait_for("the next trial's pods", lambda: len(pods_of(cluster, namespace, 2)) == 2)
    driver, _ = cluster.wait_for("trial 1 to run", lambda: _of_trial(all_running(cluster, namespace, 4), 1))
    report(cluster, namespace, driver, "0.95")
    wait_until(cluster, namespace, "freed", "Complete")
    cluster.wait_for("no pod to run", lambda: not running(cluster, namespace))
    cluster.kubectl("delete", "nas", "freed", "-n", namespace)
    cluster.wait_for("all JobSets to be gone", lambda: not cluster.list("jobsets", namespace))
    cluster.wait_for("all pods to be gone", lambda: not cluster.list("pods", namespace))


def test_suspended_search_starts_no_jobset_and_goes_on(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(jobset("paused", TWO, annotations=BOTH_HELD, budget={"maxTrials": 2, "parallelTrials": 1}))
    all_running(cluster, namespace, 2)
    change(cluster, namespace, "paused", {"suspend": True})
    wait_until_observed(cluster, namespace, "paused")
    let_all_go(cluster, namespace, whole=2)
    cluster.wait_for(
        "the search to wait",
        lambda: condition(cluster.get("nas", "paused", namespace), "Progressing").get("reason") == "Suspended",
    )
    assert len(cluster.list("jobsets", namespace)) == 1
    change(cluster, namespace, "paused", {"suspend": False})
    wait_until(cluster, namespace, "paused", "Complete", meanwhile=lambda: let_all_go(cluster, namespace, whole=2))


def test_pod_that_the_quota_has_no_room_for_is_told_of_a_jobs_job(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    set_pod_quota(cluster, namespace, "none", {"requests.nvidia.com/gpu": "0"})
    apply(jobset("full", TWO, budget=ONE))
    wait_for_quota_told(cluster, namespace, "full", "none")
    cluster.kubectl("delete", "resourcequota", "none", "-n", namespace)
    _complete(cluster, namespace, "full")


def test_half_of_the_pods_that_the_quota_has_room_for_wait_for_the_others(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    set_pod_quota(cluster, namespace, "half", {"requests.nvidia.com/gpu": "1"}, gpus=2)
    apply(jobset("half", TWO, annotations=BOTH_HELD, budget=ONE, trial={"startTimeoutSeconds": 600}))

    def told() -> bool:
        found = condition(cluster.get("nas", "half", namespace), "Progressing")
        return found.get("reason") == "QuotaExceeded" and "exceeded quota: half" in found["message"]

    cluster.wait_for("the reason", told)
    assert trials(cluster, namespace)[0]["status"]["state"] == "Queued"
    cluster.kubectl("delete", "resourcequota", "half", "-n", namespace)
    _complete(cluster, namespace, "half")


def test_writes_of_a_jobset_trial_are_no_more_than_those_of_a_single_pod_and_one(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    count = 10

    def writes(body: dict[str, Any]) -> float:
        before, began = operator.calls(), time.monotonic()
        apply(body)
        name = body["metadata"]["name"]
        wait_until(cluster, namespace, name, "Complete")
        plural = "jobsets" if "workload" in body["spec"]["trial"] else "jobs"
        cluster.wait_for(
            "all to be released",
            lambda: all(
                "ttlSecondsAfterFinished" in made["spec"]
                for made in cluster.list(plural, namespace, f"evonas.dev/search={name}")
            ),
        )
        made = operator.calls() - before
        # That of the search is written again as long as it takes, whatever its trials are.
        assert made.pop(("patch", "architecturesearches", "200")) <= (time.monotonic() - began) / 2 + 6
        return sum(number for (verb, *_), number in made.items() if verb in ("create", "patch", "delete")) / count

    budget = {"maxTrials": count, "parallelTrials": 2}
    single = writes(search("single", budget=budget))
    several = writes(jobset("several", {"driver": 1, "worker": 3}, budget=budget))
    assert several <= single + 1, f"{several} writes a trial, {single} of a single pod"


def _complete(cluster: Cluster, namespace: str, name: str, *, whole: int = 2, seconds: float = 0) -> dict[str, Any]:
    """Have what runs as a whole end until the search is complete; return its only trial."""
    wait_until(
        cluster,
        namespace,
        name,
        "Complete",
        meanwhile=lambda: let_all_go(cluster, namespace, whole=whole, seconds=seconds),
    )
    (trial,) = trials(cluster, namespace, name)
    return trial


def _are_others(pods: list[dict[str, Any]], before: set[str], count: int) -> bool:
    found = {pod["metadata"]["uid"] for pod in pods}
    return len(found) == count and not found & before


def _of_trial(pods: list[dict[str, Any]], index: int) -> list[dict[str, Any]]:
    return [pod for pod in pods if pod["metadata"]["labels"]["evonas.dev/index"] == str(index)]
