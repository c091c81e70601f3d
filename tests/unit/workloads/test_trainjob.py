"""The TrainJob: a trainer, with what its runtime says unseen."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar

import pytest

from evonas.gpus import GpuAccounting
from evonas.search.names import MAX_INDEX, workload_name
from evonas.workloads.catalogue import ENGINES, KINDS, find_kind, kind_named, pod_label_of
from evonas.workloads.interface import Change, Place
from evonas.workloads.parsing import gpus_of, parse_workload, workload_problems
from evonas.workloads.trainjob import TrainJob
from tests.unit.workloads.contract import KindContract
from tests.unit.workloads.test_indexed_job import conditions

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


class TestTrainJob(KindContract):
    is_opaque = False
    kind = kind_named("TrainJob")
    spec = SPEC
    trainer = "node"
    pods: ClassVar[Mapping[str, int]] = {"node": 2}
    gpus: ClassVar[Mapping[str, int]] = {"node": 4}
    running: ClassVar[Mapping[str, Any]] = {"jobsStatus": [{"name": "node", "active": 1, "ready": 1}]}
    complete: ClassVar[Mapping[str, Any]] = conditions("Complete")
    failed: ClassVar[Mapping[str, Any]] = conditions("Failed")
    # A TrainJob has no template for its pods.
    has_pod_labels = False
    has_accounts = False

    def labels_of(self, place: Place) -> dict[str, str]:
        return labels_of(place.group, place.rank, place.start)

    def derived_names(self, name: str) -> list[str]:
        return [f"{name}-node-0-1-x7x7x", f"{name}-dataset-initializer-0-0-x7x7x"]


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


def test_where_the_trainer_takes_patches_they_give_nodes_the_account_and_our_labels_before_the_users_own() -> None:
    own = {"manager": "me.example/x", "trainingRuntimeSpec": {}}
    change = Change({"evonas.dev/index": "0"}, TOLD, None, "evonas-trial", frozenset({"runtimePatches", "trainer"}))
    built = KIND.build({**SPEC, "runtimePatches": [own]}, change)
    ours, theirs = built["runtimePatches"]
    assert theirs == own
    assert ours["manager"] == "evonas.dev/operator"
    (job,) = ours["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    assert job == {
        "name": "node",
        "template": {
            "spec": {
                "template": {
                    "metadata": {"labels": {"evonas.dev/index": "0"}},
                    "spec": {"serviceAccountName": "evonas-trial"},
                }
            }
        },
    }
    assert "podSpecOverrides" not in built


def test_where_the_trainer_takes_overrides_of_templates_they_do_so() -> None:
    own = {"targetJobs": [{"name": "node"}], "spec": {"serviceAccountName": "own"}}
    change = Change({"evonas.dev/index": "0"}, TOLD, None, "evonas-trial", frozenset({"podTemplateOverrides"}))
    ours, theirs = KIND.build({**SPEC, "podTemplateOverrides": [own]}, change)["podTemplateOverrides"]
    assert theirs == own
    assert ours == {
        "targetJobs": [{"name": "node"}],
        "metadata": {"labels": {"evonas.dev/index": "0"}},
        "spec": {"serviceAccountName": "evonas-trial"},
    }


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
        ({**SPEC, "runtimePatches": {"manager": "m"}}, "runtimePatches: must be a list"),
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


def test_the_operator_deletes_it_since_it_has_no_time_to_live() -> None:
    assert not KIND.has_time_to_live
    assert KIND.release(60) == {}
