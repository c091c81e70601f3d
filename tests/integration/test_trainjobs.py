"""Trials that are TrainJobs: Kubeflow Trainer makes a JobSet of each, whose pods carry none of our labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.client import Cluster
from harness.fixtures import shared_or_skipped
from tests.command_line import evonas
from tests.integration.searches import HELD, condition, running, trials, wait_until
from tests.integration.trainjobs import runtimes, trainjob
from tests.integration.workloads import RANK, all_running, report
from tests.operator_process import OperatorProcess, install

pytestmark = [pytest.mark.kwok, pytest.mark.trainer]
Apply = Callable[[dict[str, Any]], None]
ONE = {"maxTrials": 1, "parallelTrials": 1}
JOBSET = "jobset.sigs.k8s.io/jobset-name"


def prepare(cluster: Cluster) -> None:
    install(cluster)
    cluster.apply(yaml.safe_dump_all(runtimes({"quick": {}, "held": HELD, "failing": {"evonas-test/outcome": "fail"}})))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with shared_or_skipped("kwok", prepare, "jobset", "trainer") as started:
        yield started


@pytest.fixture
def operator(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    process = OperatorProcess(
        cluster, tmp_path / "operator.log", [namespace], cold=False, options=("--workload", "TrainJob")
    )
    process.start()
    yield process
    assert process.stop() == 0, process.log


def nodes(cluster: Cluster, namespace: str, trainjob: str) -> list[dict[str, Any]]:
    """Return a TrainJob's pods, by rank."""
    pods = cluster.list("pods", namespace, f"{JOBSET}={trainjob}")
    return sorted(pods, key=lambda pod: int(pod["metadata"]["labels"][RANK]))


def wait_until_it_runs(cluster: Cluster, namespace: str) -> None:
    """Wait until the only trial is recorded as running."""
    cluster.wait_for("the trial to run", lambda: state_of(cluster, namespace) == "Running")


def state_of(cluster: Cluster, namespace: str) -> str | None:
    """Return the state of the only trial."""
    state: str | None = trials(cluster, namespace)[0].get("status", {}).get("state")
    return state


def let_nodes_go(cluster: Cluster, namespace: str) -> None:
    """Have the pods end that run: each reports a reward."""
    for pod in running(cluster, namespace, seconds=1):
        report(cluster, namespace, pod, "0.5")


def test_search_of_trainjobs_completes_with_the_reports_of_node_0(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(trainjob("trained", runtime="quick", budget={"maxTrials": 4, "parallelTrials": 2}))
    wait_until(cluster, namespace, "trained", "Complete")
    records = trials(cluster, namespace)
    assert [body["spec"]["index"] for body in records] == [0, 1, 2, 3]
    assert sorted(body["status"]["sequence"] for body in records) == [1, 2, 3, 4]
    assert {body["status"]["state"] for body in records} == {"Succeeded"}
    jobs = cluster.list("trainjobs", namespace)
    assert len(jobs) == 4
    for job in jobs:
        pods = nodes(cluster, namespace, job["metadata"]["name"])
        assert [pod["metadata"]["labels"][RANK] for pod in pods] == ["0", "1"]
        told = [{item["name"]: item.get("value") for item in pod["spec"]["containers"][0]["env"]} for pod in pods]
        assert len({variables["EVONAS_DECISIONS"] for variables in told}) == 1
        assert all("POD_NAME" in variables for variables in told)
        assert {pod["spec"]["serviceAccountName"] for pod in pods} == {"evonas-trial"}
        index = int(job["metadata"]["labels"]["evonas.dev/index"])
        attempt = records[index]["status"]["attempts"][-1]
        assert attempt["pod"] == pods[0]["metadata"]["name"]


def test_only_node_0_has_a_say_and_both_are_charged(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(trainjob("one-reports", runtime="held", budget=ONE))
    first, second = all_running(cluster, namespace, 2)
    wait_until_it_runs(cluster, namespace)
    report(cluster, namespace, second, "0.75")
    cluster.wait_for("the other to have ended", lambda: len(running(cluster, namespace)) == 1)
    assert state_of(cluster, namespace) == "Running"
    report(cluster, namespace, first, "0.25")
    wait_until(cluster, namespace, "one-reports", "Complete")
    (trial,) = trials(cluster, namespace)
    assert trial["status"]["reward"] == "0.25"
    assert trial["status"]["gpuSeconds"] >= 0


def test_node_that_is_deleted_is_replaced_and_the_trial_goes_on(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(trainjob("replaced", runtime="held", budget=ONE, trial={"retries": 0}))
    _, victim = all_running(cluster, namespace, 2)
    cluster.kubectl("delete", "pod", victim["metadata"]["name"], "-n", namespace)
    cluster.wait_for("the disruption", lambda: trials(cluster, namespace)[0].get("status", {}).get("disruptions") == 1)
    all_running(cluster, namespace, 2)
    wait_until(cluster, namespace, "replaced", "Complete", meanwhile=lambda: let_nodes_go(cluster, namespace))
    lost, completed = trials(cluster, namespace)[0]["status"]["attempts"]
    assert (lost["pod"], lost["reason"], lost["disrupted"]) == (victim["metadata"]["name"], "PodDeleted", True)
    assert completed["reason"] == "Completed"


def test_trainjob_that_somebody_deletes_is_made_again_once_its_pods_are_gone(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(trainjob("deleted", runtime="held", budget=ONE, trial={"retries": 0}))
    before = {pod["metadata"]["uid"] for pod in all_running(cluster, namespace, 2)}
    (job,) = cluster.list("trainjobs", namespace)
    cluster.kubectl("delete", "trainjob", job["metadata"]["name"], "-n", namespace)
    cluster.wait_for(
        "other pods",
        lambda: (
            len(found := {pod["metadata"]["uid"] for pod in running(cluster, namespace)}) == 2 and not found & before
        ),
    )
    wait_until(cluster, namespace, "deleted", "Complete", meanwhile=lambda: let_nodes_go(cluster, namespace))
    (trial,) = trials(cluster, namespace)
    assert trial["status"]["disruptions"] == 1
    assert [attempt["reason"] for attempt in trial["status"]["attempts"]] == ["WorkloadDeleted", "Completed"]


def test_trainjob_that_is_suspended_loses_its_nodes_once_and_goes_on(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(trainjob("suspended", runtime="held", budget=ONE, trial={"retries": 0}))
    before = {pod["metadata"]["uid"] for pod in all_running(cluster, namespace, 2)}
    wait_until_it_runs(cluster, namespace)
    (job,) = cluster.list("trainjobs", namespace)
    name = job["metadata"]["name"]
    cluster.rest.merge("trainjob", name, namespace, {"spec": {"suspend": True}})
    cluster.wait_for("the nodes to be gone", lambda: not running(cluster, namespace))
    cluster.wait_for("the trial to wait", lambda: state_of(cluster, namespace) == "Queued")
    cluster.rest.merge("trainjob", name, namespace, {"spec": {"suspend": False}})
    after = {pod["metadata"]["uid"] for pod in all_running(cluster, namespace, 2)}
    assert not before & after
    wait_until(cluster, namespace, "suspended", "Complete", meanwhile=lambda: let_nodes_go(cluster, namespace))
    (trial,) = trials(cluster, namespace)
    assert trial["status"]["disruptions"] == 1
    assert [attempt["disrupted"] for attempt in trial["status"]["attempts"][:-1]] == [True]


def test_node_that_fails_ends_the_attempt_and_is_named(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = trainjob("failing", runtime="failing", budget={**ONE, "maxFailedTrials": 1}, trial={"retries": 0})
    apply(body)
    wait_until(cluster, namespace, "failing", "Failed")
    (trial,) = trials(cluster, namespace)
    assert trial["status"]["state"] == "Failed"
    assert trial["status"]["attempts"][-1]["reason"] == "NonZeroExitCode"


def test_runtime_that_does_not_exist_is_refused_in_the_trainers_words(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(trainjob("nowhere", runtime="missing", budget=ONE))
    verdict = cluster.wait_for("the verdict", lambda: condition(cluster.get("nas", "nowhere", namespace), "Accepted"))
    assert (verdict["status"], verdict["reason"]) == ("False", "TemplateRefused")
    assert "spec.trial.workload: " in verdict["message"]
    assert "must be created before the TrainJob is created" in verdict["message"]
    assert cluster.list("trainjobs", namespace) == []


@pytest.mark.parametrize("meanwhile", ["nothing", "a result", "a deletion"])
def test_operator_that_is_killed_goes_on_with_the_same_nodes(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply, meanwhile: str
) -> None:
    apply(trainjob("resumed", runtime="held", budget=ONE, trial={"retries": 0}))
    first, second = all_running(cluster, namespace, 2)
    wait_until_it_runs(cluster, namespace)
    operator.kill()
    if meanwhile == "a result":
        for pod in (second, first):
            report(cluster, namespace, pod, "0.25")
        cluster.wait_for("its end", lambda: condition(cluster.list("trainjobs", namespace)[0], "Complete"))
    elif meanwhile == "a deletion":
        cluster.kubectl("delete", "pod", second["metadata"]["name"], "-n", namespace)
    operator.start()
    wait_until(cluster, namespace, "resumed", "Complete", meanwhile=lambda: let_nodes_go(cluster, namespace))
    assert len(cluster.list("trainjobs", namespace)) == 1
    assert trials(cluster, namespace)[0]["status"]["attempts"][-1]["pod"] == first["metadata"]["name"]


def test_a_trainjob_that_has_ended_is_deleted_after_its_time_to_live_by_the_operator(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(trainjob("short-lived", runtime="quick", budget=ONE, trial={"ttlSecondsAfterFinished": 15}))
    wait_until(cluster, namespace, "short-lived", "Complete")
    (job,) = cluster.wait_for(
        "its release",
        lambda: [
            job
            for job in cluster.list("trainjobs", namespace)
            if "evonas.dev/delete-at" in job["metadata"].get("annotations", {})
        ],
    )
    assert len(nodes(cluster, namespace, job["metadata"]["name"])) == 2
    cluster.wait_for("its deletion", lambda: not cluster.list("trainjobs", namespace))
    cluster.wait_for("the end of its pods", lambda: not cluster.list("pods", namespace))


def test_other_peoples_trainjobs_are_left_alone(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = trainjob("theirs", runtime="quick")["spec"]["trial"]["workload"]
    apply({**body, "metadata": {"name": "theirs"}})
    cluster.wait_for("its end", lambda: condition(cluster.get("trainjob", "theirs", namespace), "Complete"))
    apply(trainjob("ours", runtime="quick", budget=ONE))
    wait_until(cluster, namespace, "ours", "Complete")
    assert trials(cluster, namespace)[0]["status"].get("disruptions", 0) == 0
    assert "evonas.dev/delete-at" not in cluster.get("trainjob", "theirs", namespace)["metadata"].get("annotations", {})


def test_log_of_a_trial_is_that_of_node_0(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(trainjob("told", runtime="held", budget=ONE))
    all_running(cluster, namespace, 2)
    wait_until_it_runs(cluster, namespace)
    said = evonas(cluster, namespace, "logs", "told", "0")
    assert "no longer has a pod" not in said.stdout + said.stderr
