"""The TrainJob: a trainer, with what its runtime says unseen."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import pytest

from evonas.gpus import GpuAccounting
from evonas.search.names import MAX_INDEX, workload_name
from evonas.workloads.catalogue import ENGINES, KINDS, find_kind, pod_label_of
from evonas.workloads.interface import Change, Place
from evonas.workloads.parsing import gpus_of, parse_workload, workload_problems
from evonas.workloads.trainjob import TrainJob

KIND = TrainJob()
SPEC: dict[str, Any] = {
    "runtimeRef": {"name": "torch-distributed"},
    "trainer": {
        "image": "example/trial",
        "numNodes": 2,
        "env": [{"name": "OWN", "value": "mine"}],
        "resourcesPerNode": {"limits": {"nvidia.com/gpu": 4}},
    },
}
TOLD = ({"name": "EVONAS_SEED", "value": "7"},)
CHANGE = Change(labels={"evonas.dev/index": "0"}, env=TOLD, container=None, service_account="evonas-trial")


def manifest(spec: Any = SPEC) -> dict[str, Any]:
    return {"apiVersion": KIND.api_version, "kind": KIND.kind, "spec": spec}


def problems(spec: Any, container: str | None = None) -> list[str]:
    return [str(problem) for problem in workload_problems(manifest(spec), container, GpuAccounting())]


def trained(**fields: Any) -> dict[str, Any]:
    return {**SPEC, "trainer": {**SPEC["trainer"], **fields}}


def labels_of(group: str, rank: int, restart: int = 0) -> dict[str, str]:
    return {
        "jobset.sigs.k8s.io/jobset-name": "w",
        "jobset.sigs.k8s.io/replicatedjob-name": group,
        "jobset.sigs.k8s.io/job-index": "0",
        "jobset.sigs.k8s.io/restart-attempt": str(restart),
        "batch.kubernetes.io/job-completion-index": str(rank),
    }


def test_it_is_a_kind_with_an_engine_and_pods_that_carry_its_name() -> None:
    found = find_kind("trainer.kubeflow.org/v1alpha1", "TrainJob")
    assert found in KINDS
    assert found in ENGINES
    assert pod_label_of("TrainJob") == "jobset.sigs.k8s.io/jobset-name"
    assert pod_label_of("JobSet") is None
    assert pod_label_of("Job") is None


def test_its_nodes_and_their_gpus_are_counted() -> None:
    workload = parse_workload(manifest())
    assert (workload.pods, gpus_of(workload, GpuAccounting())) == (2, {"node": Fraction(4)})
    (group,) = workload.groups
    assert group.container_field("node") == "spec.trial.workload.spec.trainer"


def test_its_variables_follow_those_of_the_search() -> None:
    built = KIND.build(SPEC, CHANGE)
    assert built["trainer"]["env"] == [*TOLD, {"name": "OWN", "value": "mine"}]
    replaced = KIND.build(SPEC, Change({}, ({"name": "OWN", "value": "told"},), None, None))
    assert replaced["trainer"]["env"] == [{"name": "OWN", "value": "told"}]


def test_what_the_user_wrote_stays_as_it_is() -> None:
    before = copy.deepcopy(SPEC)
    built = KIND.build(SPEC, CHANGE)
    assert before == SPEC
    assert {**built["trainer"], "env": SPEC["trainer"]["env"]} == SPEC["trainer"]


def test_its_jobset_is_given_no_label_by_which_it_would_pass_for_a_workload_of_ours() -> None:
    assert "labels" not in KIND.build(SPEC, CHANGE)


def test_a_trainer_without_a_number_of_nodes_is_told_one_whatever_its_runtime_says() -> None:
    spec = {**SPEC, "trainer": {"image": "example/trial"}}
    assert problems(spec) == []
    assert KIND.build(spec, CHANGE)["trainer"]["numNodes"] == 1
    assert parse_workload(manifest(spec)).pods == 1


NODES_RUN_AS = {"targetJobs": [{"name": "node"}], "serviceAccountName": "evonas-trial"}
INITIALIZER = {"targetJobs": [{"name": "model-initializer"}], "nodeSelector": {"zone": "a"}}


@pytest.mark.parametrize(
    ("own", "built"),
    [
        ([], [NODES_RUN_AS]),
        ([INITIALIZER], [INITIALIZER, NODES_RUN_AS]),
        (
            [{"targetJobs": [{"name": "node"}], "nodeSelector": {"zone": "a"}}],
            [{**NODES_RUN_AS, "nodeSelector": {"zone": "a"}}],
        ),
        (
            [{"targetJobs": [{"name": "node"}], "serviceAccountName": "own"}],
            [{"targetJobs": [{"name": "node"}], "serviceAccountName": "own"}],
        ),
        (
            [{"targetJobs": [{"name": "node"}, {"name": "model-initializer"}], "nodeSelector": {"zone": "a"}}],
            [{**NODES_RUN_AS, "nodeSelector": {"zone": "a"}}, INITIALIZER],
        ),
    ],
    ids=["none", "of others", "of nodes", "with an account", "of both"],
)
def test_the_account_joins_the_users_own_overrides_since_the_trainer_refuses_two_for_a_group(
    own: list[Any], built: list[Any]
) -> None:
    spec = {**SPEC, "podSpecOverrides": own}
    assert problems(spec) == []
    assert KIND.build(spec, CHANGE)["podSpecOverrides"] == built


def test_without_an_account_overrides_are_the_users() -> None:
    assert "podSpecOverrides" not in KIND.build(SPEC, Change({}, TOLD, None, None))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"runtimeRef": {"name": "r"}}, "spec.trial.workload.spec.trainer: Required value"),
        ({"runtimeRef": {"name": "r"}, "trainer": []}, "spec.trial.workload.spec.trainer: Required value"),
        (trained(numNodes=0), "trainer.numNodes: must be a whole number from 1"),
        (trained(numNodes="2"), "trainer.numNodes: must be a whole number from 1"),
        (trained(env={"A": "b"}), "trainer.env: must be a list"),
        (trained(env=[{"value": "b"}]), "trainer.env[0].name: Required value"),
        ({**SPEC, "podSpecOverrides": {"node": {}}}, "podSpecOverrides: must be a list of overrides"),
        ({**SPEC, "podSpecOverrides": [{"nodeSelector": {}}]}, "podSpecOverrides: must be a list of overrides"),
        ({**SPEC, "podSpecOverrides": [{"targetJobs": ["node"]}]}, "podSpecOverrides: must be a list of overrides"),
        (trained(resourcesPerNode={"limits": {"nvidia.com/gpu": "0.5"}}), "must be a whole number of devices"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_field(spec: Any, said: str) -> None:
    (problem,) = problems(spec)
    assert said in problem


def test_its_container_has_the_name_that_the_trainer_gives_it() -> None:
    assert problems(SPEC, "node") == []
    (problem,) = problems(SPEC, "trial")
    assert "spec.trial.container: must name one of the containers of the pod that reports (node)" in problem


def test_node_0_reports() -> None:
    assert KIND.reporter(SPEC) == KIND.place(labels_of("node", 0)) == Place("node", 0)
    assert KIND.place(labels_of("node", 1, restart=2)) == Place("node", 1, start=2)


def test_an_initializers_pod_is_none_of_the_trials() -> None:
    assert KIND.place(labels_of("dataset-initializer", 0)) is None
    assert KIND.place({}) is None


@pytest.mark.parametrize("nodes", [1, 2, 100, 10_000])
def test_the_names_that_are_derived_fit_for_nodes_and_initializers(nodes: int) -> None:
    name = workload_name("2" + "s" * 39, "uid", MAX_INDEX, 99, KIND.longest_name(trained(numNodes=nodes)))
    assert name[0].isalpha()
    derived = [
        f"{name}-node-0-{nodes - 1}-x7x7x",
        *(f"{name}-{part}-initializer-0-0-x7x7x" for part in ("dataset", "model")),
    ]
    assert max(map(len, derived)) <= 63


def conditions(*types: str) -> dict[str, Any]:
    time = "2026-01-01T12:00:00Z"
    listed = [
        {"type": name, "status": "True", "reason": "Because", "message": "of this", "lastTransitionTime": time}
        for name in types
    ]
    return {"spec": KIND.build(SPEC, CHANGE), "status": {"conditions": listed}}


def test_its_conditions_say_how_it_goes() -> None:
    for status in ({}, None):
        body = {"spec": SPEC} if status is None else {"spec": SPEC, "status": status}
        assert not (KIND.read(body).complete)
        assert not (KIND.read(body).failed)
    complete, failed = KIND.read(conditions("Complete")), KIND.read(conditions("Failed"))
    assert (complete.complete, complete.failed, complete.ended is not None) == (True, False, True)
    assert (failed.complete, failed.failed, failed.reason, failed.message) == (False, True, "Because", "of this")


def test_it_waits_while_it_is_suspended() -> None:
    assert KIND.read({"spec": KIND.suspend(KIND.build(SPEC, CHANGE))}).suspended
    assert not KIND.read({"spec": KIND.build(SPEC, CHANGE)}).suspended


def test_the_operator_deletes_it_since_it_has_no_time_to_live() -> None:
    assert not KIND.has_time_to_live
    assert KIND.release(60) == {}
