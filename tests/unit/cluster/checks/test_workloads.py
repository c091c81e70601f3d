"""Which kinds searches need, and what Kueue's configuration says of them."""

from __future__ import annotations

from typing import Any

import pytest

from evonas.cluster.checks.namespace import trial_requests
from evonas.cluster.checks.workloads import ENGINES, Need, needs_of, read_frameworks
from evonas.cluster.client.resources import WORKLOADS
from evonas.spec import SearchSpec
from evonas.workloads.catalogue import option_of
from tests.operator_process import search

TEMPLATE = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "trial:test"}]}}
JOB_SET = {"replicatedJobs": [{"name": "worker", "template": {"spec": {"template": TEMPLATE}}}]}
INDEXED = {"completionMode": "Indexed", "completions": 2, "template": TEMPLATE}


def spec(name: str, api_version: str = "", kind: str = "", spec: dict[str, Any] | None = None) -> SearchSpec:
    body = search(name)
    if kind:
        body["spec"]["trial"] = {"workload": {"apiVersion": api_version, "kind": kind, "spec": spec}}
    return SearchSpec.parse(body)


def test_searches_need_the_kinds_of_their_workloads_that_take_an_engine() -> None:
    asked = [
        (spec("plain"), "gpus"),
        (spec("indexed", "batch/v1", "Job", INDEXED), "gpus"),
        (spec("first", "jobset.x-k8s.io/v1alpha2", "JobSet", JOB_SET), ""),
        (spec("second", "jobset.x-k8s.io/v1alpha2", "JobSet", JOB_SET), "gpus"),
    ]
    assert needs_of(asked) == [Need("JobSet", ("first", "second"), ("second",))]
    assert str(needs_of(asked)[0]) == "first, second ask for it"
    assert needs_of(asked[:2]) == []


def test_doctor_knows_what_to_install_for_each_kind_that_the_operator_runs() -> None:
    assert WORKLOADS.keys() <= ENGINES.keys()
    assert option_of("JobSet") == "workloads.jobSet"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"config.yaml": "integrations: {frameworks: [batch/job, ray.io/rayjob]}"}, ["batch/job", "ray.io/rayjob"]),
        ({"other": "a: [", "config.yaml": "integrations: {frameworks: []}"}, []),
        ({"config.yaml": "integrations: {}"}, None),
        ({"config.yaml": "text"}, None),
        (None, None),
    ],
)
def test_frameworks_are_read_where_there_are_any(data: dict[str, str] | None, expected: list[str] | None) -> None:
    assert read_frameworks({"data": data}) == expected


def test_a_trial_takes_of_a_quota_what_all_of_its_pods_take() -> None:
    container = {"name": "main", "image": "trial:test", "resources": {"limits": {"nvidia.com/gpu": 2, "cpu": "500m"}}}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    job = {"completionMode": "Indexed", "completions": 3, "parallelism": 3, "template": template}
    groups = [{"name": "worker", "replicas": 2, "template": {"spec": job}}]
    asked = trial_requests(spec("s", "jobset.x-k8s.io/v1alpha2", "JobSet", {"replicatedJobs": groups}))
    assert asked["pods"] == 6
    assert asked["count/jobsets.jobset.x-k8s.io"] == 1
    assert asked["requests.nvidia.com/gpu"] == 12
    assert asked["limits.cpu"] == 3
    assert "count/jobs.batch" not in asked
    assert trial_requests(spec("s", "batch/v1", "Job", {**job, "completions": 3}))["count/jobs.batch"] == 1
    assert trial_requests(spec("plain"))["requests.nvidia.com/gpu"] == 1
