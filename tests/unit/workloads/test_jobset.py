"""The JobSet: the contract, and what is its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from evonas.gpus import GpuAccounting
from evonas.workloads.catalogue import kind_named
from evonas.workloads.interface import NAME_LENGTH, Place, Workload
from evonas.workloads.jobset import JobSet
from evonas.workloads.parsing import workload_problems
from tests.unit.workloads.contract import CHANGE, KindContract
from tests.unit.workloads.objects import container
from tests.unit.workloads.test_indexed_job import conditions

STRIDE = 10_000


def group(name: str, *, replicas: int = 1, gpus: int = 0, **job: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"role": name}}, "spec": {"containers": [container(gpus=gpus)]}}
    return {"name": name, "replicas": replicas, "template": {"spec": {"template": template, **job}}}


SPEC: dict[str, Any] = {
    "network": {"enableDNSHostnames": True},
    "replicatedJobs": [
        group("workers", replicas=2, gpus=4, parallelism=3),
        {"name": "driver", "template": group("driver")["template"]},
    ],
}


class TestJobSet(KindContract):
    kind = kind_named("JobSet")
    spec = SPEC
    pods: ClassVar[Mapping[str, int]] = {"workers": 6, "driver": 1}
    gpus: ClassVar[Mapping[str, int]] = {"workers": 4, "driver": 0}
    running: ClassVar[Mapping[str, Any]] = {
        **conditions(),
        "replicatedJobsStatus": [{"name": "workers", "active": 2, "ready": 0}],
    }
    complete: ClassVar[Mapping[str, Any]] = {**conditions("Completed"), "terminalState": "Completed"}
    failed: ClassVar[Mapping[str, Any]] = {**conditions("Failed"), "terminalState": "Failed"}

    def labels_of(self, place: Place) -> dict[str, str]:
        job, index = divmod(place.rank, STRIDE)
        return {
            "jobset.sigs.k8s.io/jobset-name": "w",
            "jobset.sigs.k8s.io/replicatedjob-name": place.group,
            "jobset.sigs.k8s.io/job-index": str(job),
            "jobset.sigs.k8s.io/restart-attempt": str(place.start),
            "batch.kubernetes.io/job-completion-index": str(index),
        }

    def derived_names(self, name: str) -> list[str]:
        return [f"{name}-workers-1-2-x7x7x", f"{name}-driver-0-0-x7x7x"]

    def ranks(self, group: str, count: int) -> list[int]:
        return [job * STRIDE + index for job in range(2) for index in range(3)] if group == "workers" else [0]

    def test_a_pod_of_a_later_start_has_its_number(self) -> None:
        place = Place("workers", STRIDE + 2, start=3)
        assert self.kind.place(self.labels_of(place)) == place


@pytest.mark.parametrize("subdomain", ["", "net"])
def test_the_address_of_the_coordinator_fits_into_its_label(subdomain: str) -> None:
    coordinator = {"replicatedJob": "driver", "jobIndex": 0, "podIndex": 0}
    network = {"network": {"subdomain": subdomain}} if subdomain else {}
    longest = JobSet().longest_name({**SPEC, **network, "coordinator": coordinator})
    assert len(f"{'w' * longest}-driver-0-0.{subdomain or 'w' * longest}") <= NAME_LENGTH
    assert longest > 24


def test_a_trial_has_so_many_pods_at_most() -> None:
    spec = {"replicatedJobs": [group("workers", replicas=101, parallelism=100)]}
    manifest = {"apiVersion": JobSet.api_version, "kind": "JobSet", "spec": spec}
    (problem,) = workload_problems(manifest, None, GpuAccounting())
    assert str(problem) == "spec.trial.workload.spec: must have at most 10,000 pods in all, got 10,100"


def test_a_job_that_would_be_deleted_and_made_again_is_refused() -> None:
    (problem,) = JobSet().problems({"replicatedJobs": [group("workers", ttlSecondsAfterFinished=0)]})
    assert problem.field == "spec.trial.workload.spec.replicatedJobs[0].template.spec.ttlSecondsAfterFinished"
    assert "remove it" in str(problem)


def test_the_coordinator_reports() -> None:
    spec = {**SPEC, "coordinator": {"replicatedJob": "workers", "jobIndex": 1, "podIndex": 2}}
    assert JobSet().reporter(spec) == Place("workers", STRIDE + 2)


def test_the_first_pod_of_the_group_with_the_labels_reports() -> None:
    workload = Workload(JobSet(), SPEC, {"role": "driver"})
    assert workload.reporter == Place("driver", 0)
    assert workload.reporting_group.name == "driver"


def test_each_job_has_as_many_pods_as_train_together() -> None:
    built = JobSet().build(SPEC, CHANGE)
    jobs = [item["template"]["spec"] for item in built["replicatedJobs"]]
    assert [(job["completions"], job["parallelism"]) for job in jobs] == [(3, 3), (1, 1)]


def test_a_disrupted_pod_starts_the_whole_again_unless_the_user_says_otherwise() -> None:
    built = JobSet().build(SPEC, CHANGE)
    assert built["failurePolicy"]["maxRestarts"] == 0
    assert built["replicatedJobs"][0]["template"]["spec"]["podFailurePolicy"]["rules"][0]["action"] == "FailJob"
    own = {"failurePolicy": {"maxRestarts": 5}}
    assert JobSet().build({**SPEC, **own}, CHANGE)["failurePolicy"] == own["failurePolicy"]
