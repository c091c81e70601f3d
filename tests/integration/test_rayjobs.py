"""Trials that are RayJobs: KubeRay's own operator makes their clusters, submits their programs and says how they end.

There is no Ray: the fake node runs the pods, and ``harness.ray_dashboard`` answers in the place of each cluster's
dashboard, by what the pod of its head is annotated with. All that KubeRay writes it writes itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from evonas.search.names import ATTEMPT_LABEL, EXPIRY_ANNOTATION, INDEX_LABEL, REWARD_ANNOTATION
from harness.client import Cluster
from harness.errors import CommandFailed
from harness.fixtures import shared_or_skipped
from harness.kwok import PRINTED
from tests.integration.searches import HELD, assert_results, running, trials, wait_until
from tests.operator_process import OperatorProcess, install, search

pytestmark = [pytest.mark.kwok, pytest.mark.kuberay]
Apply = Callable[[dict[str, Any]], None]
ONE = {"maxTrials": 1, "parallelTrials": 1}
GROUP = "ray.io/group"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with shared_or_skipped("kwok", install, "kuberay") as started:
        yield started


@pytest.fixture
def operator(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    process = OperatorProcess(
        cluster, tmp_path / "operator.log", [namespace], cold=False, options=("--workload", "RayJob")
    )
    process.start()
    yield process
    assert process.stop() == 0, process.log


def ray_job(
    name: str, *, workers: int = 2, annotations: dict[str, str] | None = None, job: Any = None, **spec: Any
) -> dict[str, Any]:
    """Return a search whose trials are RayJobs: a head and so many workers, each with a GPU.

    ``annotations`` are those of the head, which decide how its program goes; ``job`` is more of the RayJob's spec.
    """
    body = search(name, **spec)
    node = body["spec"]["trial"].pop("template")
    head = {**node, "metadata": {"annotations": annotations or {}}}
    group = {
        "groupName": "workers",
        "replicas": workers,
        "minReplicas": 0,
        "maxReplicas": workers,
        "rayStartParams": {},
        "template": {**node, "metadata": {"annotations": HELD}},
    }
    cluster = {"headGroupSpec": {"rayStartParams": {}, "template": head}, "workerGroupSpecs": [group]}
    # The fake node, where the submitter has to run as well, takes no pod that does not ask for it.
    placed = {key: node["spec"][key] for key in ("nodeSelector", "tolerations")}
    submitter = {"spec": {**placed, "containers": [{"name": "ray-job-submitter", "image": "ray:test"}]}}
    body["spec"]["trial"]["workload"] = {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "spec": {
            "entrypoint": "python train.py --a $EVONAS_D_A1",
            "rayClusterSpec": cluster,
            "submitterPodTemplate": submitter,
            **(job or {}),
        },
    }
    return body


def nodes(cluster: Cluster, namespace: str, *, group: str = "") -> list[dict[str, Any]]:
    """Return the running nodes of Ray, those of a group if that is given."""
    pods = [pod for pod in running(cluster, namespace) if GROUP in pod["metadata"]["labels"]]
    return [pod for pod in pods if not group or pod["metadata"]["labels"][GROUP] == group]


def training(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """Return the only trial once it trains."""

    def found() -> dict[str, Any] | None:
        listed = trials(cluster, namespace)
        return listed[0] if listed and listed[0].get("status", {}).get("state") == "Running" else None

    trial = cluster.wait_for("the trial to train", found)
    assert trial is not None
    return trial


def report(cluster: Cluster, namespace: str, reward: str = "0.5") -> None:
    """Have the driver report a reward, and end."""
    for head in nodes(cluster, namespace, group="headgroup"):
        with suppress(CommandFailed):
            cluster.annotate("pod", head["metadata"]["name"], namespace, {REWARD_ANNOTATION: reward})


def test_search_of_rayjobs_completes_and_each_cluster_goes_before_the_next_comes(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    most = 0

    def look() -> None:
        nonlocal most
        holding = {pod["metadata"]["labels"][INDEX_LABEL] for pod in nodes(cluster, namespace)}
        most = max(most, len(holding))

    apply(ray_job("clusters", budget={"maxTrials": 3, "parallelTrials": 1}))
    wait_until(cluster, namespace, "clusters", "Complete", meanwhile=look)
    assert_results(cluster, namespace, "clusters", 3)
    assert most == 1
    assert all(trial["status"]["gpuSeconds"] >= 3 for trial in trials(cluster, namespace))
    # What trained is gone, the record of how stays for its time, which the operator keeps.
    cluster.wait_for("the last cluster to go", lambda: not cluster.list("rayclusters", namespace))
    jobs = cluster.list("rayjobs", namespace)
    assert len(jobs) == 3
    assert all(EXPIRY_ANNOTATION in job["metadata"]["annotations"] for job in jobs)


def test_each_pod_is_told_the_candidate_and_known_as_the_trials(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(ray_job("told", annotations=HELD, budget=ONE, trial={"ttlSecondsAfterFinished": 1}))
    training(cluster, namespace)
    pods = cluster.list("pods", namespace, f"{INDEX_LABEL}=0,{ATTEMPT_LABEL}=1")
    groups = sorted(pod["metadata"]["labels"].get(GROUP, "submitter") for pod in pods)
    assert groups == ["headgroup", "submitter", "workers", "workers"]
    told = [{item["name"]: item.get("value") for item in pod["spec"]["containers"][0]["env"]} for pod in pods]
    assert len({variables["EVONAS_DECISIONS"] for variables in told}) == 1
    assert all("POD_NAME" in variables for variables in told)
    assert {pod["spec"]["serviceAccountName"] for pod in pods} == {"evonas-trial"}
    report(cluster, namespace, "0.25")
    wait_until(cluster, namespace, "told", "Complete")
    (trial,) = trials(cluster, namespace)
    (head,) = (pod for pod in pods if pod["metadata"]["labels"].get(GROUP) == "headgroup")
    assert trial["status"]["reward"] == "0.25"
    assert trial["status"]["attempts"][-1]["pod"] == head["metadata"]["name"]
    cluster.wait_for("the RayJob's time to be over", lambda: not cluster.list("rayjobs", namespace))


def test_result_that_the_program_prints_is_read_from_its_submitter(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = ray_job(
        "printed",
        annotations={"evonas-test/outcome": "silent"},
        budget=ONE,
        objective={"metric": "accuracy"},
        trial={"retries": 0, "report": {"from": "Logs"}},
    )
    apply(body)
    wait_until(cluster, namespace, "printed", "Complete")
    (trial,) = trials(cluster, namespace)
    assert (trial["status"]["state"], float(trial["status"]["reward"])) == ("Succeeded", PRINTED)
    read = [
        event["objectRef"]["name"]
        for event in cluster.audit_events(namespace)
        if event.get("objectRef", {}).get("subresource") == "log" and event.get("responseStatus", {}).get("code") == 200
    ]
    (job,) = cluster.list("jobs", namespace)
    (submitter,) = cluster.list("pods", namespace, f"job-name={job['metadata']['name']}")
    assert {*read} == {submitter["metadata"]["name"]}


def test_program_that_fails_is_tried_again_in_a_cluster_of_its_own_and_an_infeasible_one_is_not(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    annotations = {"evonas-test/outcome-0-1": "fail", "evonas-test/outcome-1-1": "infeasible"}
    once = {"submitterConfig": {"backoffLimit": 0}}
    apply(
        ray_job("failing", workers=1, annotations=annotations, job=once, budget={"maxTrials": 2, "parallelTrials": 2})
    )
    wait_until(cluster, namespace, "failing", "Complete")
    failing, infeasible = trials(cluster, namespace)
    first, second = failing["status"]["attempts"]
    assert (first["reason"], second["reason"]) == ("NonZeroExitCode", "Completed")
    assert "exited with code 1" in first["message"]
    assert infeasible["status"]["state"] == "Infeasible"
    assert len(infeasible["status"]["attempts"]) == 1


def test_retry_by_kuberay_is_one_disruption_of_the_attempt(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    again = {"backoffLimit": 1, "submitterConfig": {"backoffLimit": 0}}
    apply(ray_job("again", annotations=HELD, job=again, budget=ONE, trial={"retries": 0}))
    training(cluster, namespace)
    (former,) = cluster.list("rayclusters", namespace)
    (head,) = nodes(cluster, namespace, group="headgroup")
    cluster.annotate("pod", head["metadata"]["name"], namespace, {"evonas-test/exit-code": "1"})

    def report_of_the_next() -> None:
        heads = nodes(cluster, namespace, group="headgroup")
        if heads and heads[0]["metadata"]["name"] != head["metadata"]["name"]:
            report(cluster, namespace)

    wait_until(cluster, namespace, "again", "Complete", meanwhile=report_of_the_next)
    (trial,) = trials(cluster, namespace)
    lost, completed = trial["status"]["attempts"]
    assert trial["status"]["disruptions"] == 1
    assert (lost["number"], lost["disrupted"]) == (1, True)
    assert "3 of its 3 pods were lost together" in lost["message"]
    assert (completed["number"], completed["reason"]) == (1, "Completed")
    assert former["metadata"]["name"] not in completed["pod"]


def test_worker_that_is_lost_is_replaced_and_the_trial_goes_on(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(ray_job("replaced", annotations=HELD, budget=ONE, trial={"retries": 0}))
    training(cluster, namespace)
    victim = nodes(cluster, namespace, group="workers")[0]["metadata"]["name"]
    cluster.kubectl("delete", "pod", victim, "-n", namespace)

    def replaced() -> bool:
        status = trials(cluster, namespace)[0]["status"]
        return bool(status.get("disruptions") == 1 and status["state"] == "Running")

    cluster.wait_for("the trial to train again", replaced)
    report(cluster, namespace)
    wait_until(cluster, namespace, "replaced", "Complete")
    (trial,) = trials(cluster, namespace)
    assert trial["status"]["attempts"][0]["pod"] == victim
    assert trial["status"]["state"] == "Succeeded"


def test_operator_that_is_killed_while_a_program_ends_finds_its_result_in_the_cluster_that_waited(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(ray_job("killed", annotations=HELD, budget=ONE))
    training(cluster, namespace)
    operator.kill()
    report(cluster, namespace, "0.25")

    def ended() -> bool:
        (job,) = cluster.list("rayjobs", namespace)
        return bool(job["status"].get("jobDeploymentStatus") == "Complete")

    cluster.wait_for("the RayJob to be complete", ended)
    assert len(nodes(cluster, namespace)) == 3
    operator.start()
    wait_until(cluster, namespace, "killed", "Complete")
    (trial,) = trials(cluster, namespace)
    assert trial["status"]["reward"] == "0.25"
    cluster.wait_for("the cluster to go", lambda: not nodes(cluster, namespace))


def test_kuberay_that_is_down_while_a_program_ends_delays_its_result(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(ray_job("down", workers=1, annotations=HELD, budget=ONE))
    training(cluster, namespace)
    cluster.kill("kuberay")
    report(cluster, namespace, "0.25")
    cluster.restart("kuberay")
    wait_until(cluster, namespace, "down", "Complete")
    (trial,) = trials(cluster, namespace)
    assert (trial["status"]["reward"], len(trial["status"]["attempts"])) == ("0.25", 1)


def test_search_that_is_deleted_leaves_nothing_of_its_clusters(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(ray_job("deleted", annotations=HELD, budget=ONE))
    training(cluster, namespace)
    cluster.kubectl("delete", "nas", "deleted", "-n", namespace)

    def left() -> list[dict[str, Any]]:
        kinds = ("nastrial", "rayjobs", "rayclusters", "jobs", "pods")
        return [body for kind in kinds for body in cluster.list(kind, namespace)]

    cluster.wait_for("everything to go", lambda: not left())


def test_name_of_a_search_as_long_as_it_may_be_leads_to_names_that_kuberay_takes(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    name = "1" + "n" * 39
    apply(ray_job(name, workers=1, budget=ONE))
    wait_until(cluster, namespace, name, "Complete")
    (job,) = cluster.list("rayjobs", namespace)
    assert len(job["metadata"]["name"]) <= 47
