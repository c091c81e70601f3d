"""The RayJob: the contract, and what is its own, by the statuses that KubeRay 1.5 writes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import pytest

from evonas.gpus import GpuAccounting
from evonas.workloads.catalogue import kind_named
from evonas.workloads.interface import ALIKE, Place
from evonas.workloads.parsing import workload_problems
from evonas.workloads.rayjob import LONGEST_NAME, MAX_MESSAGE, RayJob
from tests.unit.workloads.contract import CHANGE, ENDED, TOLD, KindContract
from tests.unit.workloads.objects import container

BEGUN = "2026-01-01T11:00:00Z"
FIELD = "spec.trial.workload.spec"


def group(name: str, *, gpus: int = 0, **fields: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"role": name}}, "spec": {"containers": [container(gpus=gpus)]}}
    return {"groupName": name, "rayStartParams": {}, "template": template, **fields}


def ray_job(*workers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    head = {"rayStartParams": {}, "template": group("head")["template"]}
    return {
        "entrypoint": "python train.py --lr $EVONAS_D_LR",
        "rayClusterSpec": {"rayVersion": "2.52.0", "headGroupSpec": head, "workerGroupSpecs": [*workers]},
        **fields,
    }


SPEC = ray_job(group("workers", gpus=2, replicas=2, numOfHosts=2), group("spare"))


def status(deployment: str, job: str, **fields: Any) -> dict[str, Any]:
    """Return what KubeRay writes."""
    return {
        "jobDeploymentStatus": deployment,
        "jobStatus": job,
        "startTime": "2026-01-01T10:00:00Z",
        "rayJobInfo": {"startTime": BEGUN},
        "rayClusterName": "w-x7x7x",
        **fields,
    }


class TestRayJob(KindContract):
    kind = kind_named("RayJob")
    spec = SPEC
    pods: ClassVar[Mapping[str, int]] = {"headgroup": 1, "workers": 4, "spare": 0}
    gpus: ClassVar[Mapping[str, int]] = {"headgroup": 0, "workers": 2, "spare": 0}
    running: ClassVar[Mapping[str, Any]] = status("Running", "RUNNING")
    complete: ClassVar[Mapping[str, Any]] = status("Complete", "SUCCEEDED", endTime=ENDED)
    failed: ClassVar[Mapping[str, Any]] = status(
        "Failed", "FAILED", reason="AppFailed", message="because of this", endTime=ENDED
    )

    def labels_of(self, place: Place) -> dict[str, str]:
        return {
            "ray.io/cluster": "w-x7x7x",
            "ray.io/node-type": "head" if place.group == "headgroup" else "worker",
            "ray.io/group": place.group,
        }

    def derived_names(self, name: str) -> list[str]:
        cluster = f"{name}-x7x7x"
        return [f"{cluster}-head-svc", f"{cluster[:50]}-worker-x7x7x"]

    def ranks(self, group: str, count: int) -> list[int]:
        return [0] if group == "headgroup" else [ALIKE] * bool(count)

    def test_retries_are_told_apart_by_their_cluster(self) -> None:
        place = self.kind.place({**self.labels_of(Place("workers", ALIKE)), "ray.io/cluster": "w-other"})
        assert place is not None
        assert place.run == "w-other"


def read(written: Mapping[str, Any]) -> Any:
    return RayJob().read({"spec": SPEC, "status": written})


def problems(spec: Mapping[str, Any], **search: Any) -> dict[str, str]:
    workload = {"apiVersion": "ray.io/v1", "kind": "RayJob", "spec": spec, **search}
    return {each.field: str(each) for each in workload_problems(workload, None, GpuAccounting())}


def test_names_are_as_long_as_kuberay_takes() -> None:
    assert RayJob().longest_name(SPEC) == LONGEST_NAME == 47


@pytest.mark.parametrize(
    ("counts", "pods"),
    [
        ({}, 0),
        ({"replicas": 3}, 3),
        ({"replicas": 1, "minReplicas": 2}, 2),
        ({"replicas": 5, "maxReplicas": 4}, 4),
        ({"minReplicas": 5, "maxReplicas": 2}, 2),
        ({"replicas": 2, "maxReplicas": 2_147_483_647, "numOfHosts": 4}, 8),
    ],
)
def test_workers_are_counted_as_kuberay_counts_them(counts: dict[str, int], pods: int) -> None:
    spec = ray_job(group("workers", **counts))
    assert problems(spec) == {}
    assert RayJob().groups(spec)[1].count == pods


def test_how_nodes_are_restarted_is_left_to_ray() -> None:
    for each in RayJob().groups(RayJob().build(SPEC, CHANGE)):
        assert "restartPolicy" not in each.template["spec"]


def test_a_cluster_stays_until_its_result_is_read_and_goes_when_it_is_released() -> None:
    built = RayJob().build(ray_job(), CHANGE)
    assert built["shutdownAfterJobFinishes"] is True
    assert built["ttlSecondsAfterFinished"] > 24 * 3600
    assert RayJob().release(600) == {"ttlSecondsAfterFinished": 0}


def test_the_submitter_is_ours_and_expands_the_variables_of_the_entrypoint() -> None:
    own = {"spec": {"containers": [{"name": "mine", "image": "own/image"}]}}
    for spec, name, image in (
        (SPEC, "ray-job-submitter", "example/trial"),
        (ray_job(submitterPodTemplate=own), "mine", "own/image"),
    ):
        template = RayJob().build(spec, CHANGE)["submitterPodTemplate"]
        (submitter,) = template["spec"]["containers"]
        assert (submitter["name"], submitter["image"]) == (name, image)
        assert submitter["env"] == [*TOLD]
        assert template["metadata"]["labels"] == CHANGE.labels
        assert template["spec"]["restartPolicy"] == "Never"
        assert RayJob().place(template["metadata"]["labels"]) is None
        assert RayJob().prints(spec, CHANGE.labels) == name
        assert RayJob().prints(spec, {"ray.io/cluster": "w", "ray.io/group": "headgroup"}) is None


def test_in_sidecar_mode_the_head_prints_and_nothing_else_submits() -> None:
    spec = ray_job(submissionMode="SidecarMode", entrypoint="python train.py")
    assert problems(spec) == {}
    assert "submitterPodTemplate" not in RayJob().build(spec, CHANGE)
    assert RayJob().prints(spec, {"ray.io/cluster": "w", "ray.io/group": "headgroup"}) == "ray-job-submitter"
    assert RayJob().prints(spec, {"ray.io/cluster": "w", "ray.io/group": "workers"}) is None


@pytest.mark.parametrize(
    ("deployment", "job", "complete", "failed", "begun"),
    [
        ("", "", False, False, False),
        ("Initializing", "", False, False, False),
        ("Running", "PENDING", False, False, False),
        ("Running", "RUNNING", False, False, True),
        ("Running", "SUCCEEDED", False, False, True),
        ("Running", "FAILED", False, False, True),
        ("Complete", "SUCCEEDED", True, False, True),
        ("Complete", "STOPPED", False, True, True),
        ("Failed", "FAILED", False, True, True),
        ("Failed", "RUNNING", False, True, True),
        ("Failed", "", False, True, False),
        ("ValidationFailed", "", False, True, False),
        ("Retrying", "FAILED", False, False, True),
        ("Suspended", "", False, False, False),
    ],
)
def test_both_of_its_statuses_are_read(deployment: str, job: str, complete: bool, failed: bool, begun: bool) -> None:
    standing = read(status(deployment, job))
    assert (standing.complete, standing.failed) == (complete, failed)
    assert standing.begun == (datetime.fromisoformat(BEGUN) if begun else None)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Job entrypoint command failed with exit code 65, last available logs (truncated to 20,000 chars):\nno", 65),
        ("Job entrypoint command failed with exit code -9, last available logs (truncated to 20,000 chars):\n", -9),
        ("Ray head pod not found.", None),
        ("printed: Job entrypoint command failed with exit code 65", None),
    ],
)
def test_the_drivers_exit_code_is_read_in_rays_words(message: str, code: int | None) -> None:
    assert read(status("Failed", "FAILED", message=message)).exit_code == code
    assert read(status("Running", "RUNNING", message=message)).exit_code is None


def test_of_a_long_message_the_part_that_says_why_is_kept() -> None:
    printed = (
        "Job entrypoint command failed with exit code 1, last available logs:\n" + 20_000 * "x" + "\nout of memory"
    )
    standing = read(status("Failed", "FAILED", message=printed))
    assert (standing.exit_code, len(standing.message)) == (1, MAX_MESSAGE)
    assert standing.message.endswith("out of memory")
    standing = read(status("Failed", "", message="Submission failed: " + 20_000 * "x"))
    assert (standing.message[:17], len(standing.message)) == ("Submission failed", MAX_MESSAGE)


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"entrypoint": None}, "entrypoint", "the command that starts the program"),
        ({"submissionMode": "HTTPMode"}, "submissionMode", "must be K8sJobMode or SidecarMode"),
        ({"submissionMode": "InteractiveMode"}, "submissionMode", "must be K8sJobMode or SidecarMode"),
        ({"submissionMode": "SidecarMode"}, "entrypoint", "use K8sJobMode"),
        ({"entrypointNumGpus": 0.5}, "entrypointNumGpus", "on any node"),
        ({"submitterPodTemplate": {}}, "submitterPodTemplate.spec.containers", "must be a list"),
        ({"ttlSecondsAfterFinished": 60}, "ttlSecondsAfterFinished", "remove it"),
        ({"deletionStrategy": {}}, "deletionStrategy", "remove it"),
        ({"shutdownAfterJobFinishes": False}, "shutdownAfterJobFinishes", "must be true"),
        ({"clusterSelector": {"ray.io/cluster": "c"}}, "clusterSelector", "rayClusterSpec"),
        ({"rayClusterSpec": None}, "rayClusterSpec.headGroupSpec", "Required"),
        ({"rayClusterSpec": {"headGroupSpec": {}}}, "rayClusterSpec.headGroupSpec.template.spec.containers", "list"),
    ],
)
def test_what_keeps_a_search_from_running_it_is_named(changed: dict[str, Any], field: str, said: str) -> None:
    (found,) = problems({**SPEC, **changed}).items()
    assert found[0] == f"{FIELD}.{field}"
    assert said in found[1]


@pytest.mark.parametrize(
    ("workers", "field", "said"),
    [
        ([group("headgroup")], "[0].groupName", "none of headgroup"),
        ([group("a"), group("a")], "[1].groupName", "none of headgroup, a"),
        ([{}], "[0].groupName", "a name of its own"),
        ([group("a", replicas=-1)], "[0].replicas", "whole number"),
        ([group("a", numOfHosts=1.5)], "[0].numOfHosts", "whole number"),
        ([group("a", replicas=20_000)], "[0].replicas", "at most 10000"),
        ([group("a", template=None)], "[0].template.spec.containers", "must be a list"),
        ("none", "", "must be a list"),
    ],
)
def test_a_group_of_workers_that_cannot_be_read_is_named(workers: Any, field: str, said: str) -> None:
    spec = ray_job()
    spec["rayClusterSpec"]["workerGroupSpecs"] = workers
    (found,) = problems(spec).items()
    assert found[0] == f"{FIELD}.rayClusterSpec.workerGroupSpecs{field}"
    assert said in found[1]


def test_autoscaling_is_refused_since_no_gpus_could_be_reserved() -> None:
    spec = ray_job()
    spec["rayClusterSpec"]["enableInTreeAutoscaling"] = True
    assert "a fixed number of pods" in problems(spec)[f"{FIELD}.rayClusterSpec.enableInTreeAutoscaling"]


def test_only_the_head_can_report_from_the_container_that_ray_runs_in() -> None:
    chosen = problems(SPEC, reportingPod={"matchLabels": {"role": "workers"}})
    assert "another pod (headgroup)" in chosen["spec.trial.workload.reportingPod"]
    assert problems(SPEC, reportingPod={"matchLabels": {"role": "head"}}) == {}
    spec = ray_job()
    spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"].append({"name": "side"})
    workload = {"apiVersion": "ray.io/v1", "kind": "RayJob", "spec": spec}
    (problem,) = workload_problems(workload, "side", GpuAccounting())
    assert "in the first container (trial)" in str(problem)
