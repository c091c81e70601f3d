"""Trials of many pods: nobody has an engine make pods in a trial's name. On the real API server, with the engines' own
CRDs; what an engine does is done here under its account.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from harness.client import Cluster
from harness.errors import CommandFailed
from tests.chart import engines
from tests.chart.engines import ALL, JOBSET, KUBERAY, LABELS, TRAINER
from tests.chart.rendering import NAMESPACE
from tests.chart.test_hostile_trials import (
    REWARD,
    Refused,
    Trials,
    installed_with,
    job,
    plain_pod,
    two_trials,
)
from tests.operator_process import USER

pytestmark = [pytest.mark.kwok, pytest.mark.timeout(300)]

FORGERIES = engines.forgeries()


@pytest.fixture(scope="module")
def cluster_of_engines(cluster: Cluster) -> Cluster:
    """A cluster that serves all kinds, with the chart that enables them."""
    engines.install(cluster)
    return installed_with(cluster, f"workloads={json.dumps(ALL)}", admins=(JOBSET, TRAINER, KUBERAY))


@pytest.fixture(scope="module")
def shared(cluster_of_engines: Cluster) -> Iterator[Trials]:
    """Trials that nothing here changes, in a namespace where all policies are in force."""
    with two_trials(cluster_of_engines) as found:
        for body in (FORGERIES[name] for name in ("JobSet: label", "TrainJob: label", "RayJob: its own label")):
            found.cluster.wait_for("the policies to be in force", lambda body=body: refusal(found, body))  # type: ignore[misc]
        for body in (FORGERIES[name] for name in ("TrainingRuntime: account", "RayCluster, its head: account")):
            found.cluster.wait_for("the policies to be in force", lambda body=body: refusal(found, body))  # type: ignore[misc]
        yield found


def refusal(shared: Trials, body: dict[str, Any], user: str = "mallory") -> str:
    """Return why a user may not make an object; empty where they may. Nothing is made."""
    command = ["create", "--dry-run=server", "-n", shared.namespace, "-f", "-", f"--as={user}"]
    try:
        shared.cluster.kubectl(*command, input=yaml.safe_dump(body))
    except CommandFailed as refused:
        return refused.stderr
    return ""


def owned(body: dict[str, Any], api_version: str, kind: str) -> dict[str, Any]:
    reference = {"apiVersion": api_version, "kind": kind, "name": "x", "uid": "1", "controller": True}
    return {**body, "metadata": {**body["metadata"], "ownerReferences": [reference]}}


@pytest.mark.parametrize("name", FORGERIES)
def test_nobody_has_an_engine_make_pods_in_a_trials_name(shared: Trials, name: str) -> None:
    kind = FORGERIES[name]["kind"]
    words = {"RayCluster": "only KubeRay makes", "TrainingRuntime": "and no runtime does"}
    expected = words.get(kind.removeprefix("Cluster"), f"only the operator makes the {kind}s of trials")
    assert expected in refusal(shared, FORGERIES[name])


@pytest.mark.parametrize("kind", ["JobSet", "TrainJob", "RayJob"])
def test_the_operator_makes_workloads_of_trials(shared: Trials, kind: str) -> None:
    bodies = [body for body in FORGERIES.values() if body["kind"] == kind]
    assert [refusal(shared, body, user) for body in bodies for user in (OPERATOR, USER)] == [""] * 2 * len(bodies)


OPERATOR = f"system:serviceaccount:{NAMESPACE}:evonas-operator"
JOBSETS, TRAINJOBS, RAY = "jobset.x-k8s.io/v1alpha2", "trainer.kubeflow.org/v1alpha1", "ray.io/v1"
OF_A_JOBSET = FORGERIES["JobSet: account"]
OF_RAY = FORGERIES["RayCluster, its head: account"]


@pytest.mark.parametrize(
    ("user", "body"),
    [
        (JOBSET, owned(job("child"), JOBSETS, "JobSet")),
        (TRAINER, owned(OF_A_JOBSET, TRAINJOBS, "TrainJob")),
        (KUBERAY, owned(OF_RAY, RAY, "RayJob")),
        (KUBERAY, owned(plain_pod("head"), RAY, "RayCluster")),
        (KUBERAY, owned(job("submitter"), RAY, "RayJob")),
    ],
    ids=["JobSet's Jobs", "Trainer's JobSets", "KubeRay's clusters", "KubeRay's pods", "KubeRay's submitters"],
)
def test_an_engine_makes_what_a_trials_workload_is_made_of(shared: Trials, user: str, body: dict[str, Any]) -> None:
    assert refusal(shared, body, user) == ""
    # Nobody else does, whatever owner is claimed.
    assert "Forbidden" in refusal(shared, body) or "forbidden" in refusal(shared, body)


@pytest.mark.parametrize(
    ("user", "body"),
    [
        (JOBSET, job("child")),
        (JOBSET, owned(job("child"), RAY, "RayJob")),
        (JOBSET, owned(plain_pod(), JOBSETS, "JobSet")),
        (TRAINER, OF_A_JOBSET),
        (KUBERAY, OF_RAY),
        (KUBERAY, owned(OF_RAY, RAY, "RayService")),
        (KUBERAY, plain_pod()),
        (KUBERAY, owned(plain_pod(), RAY, "RayJob")),
        (KUBERAY, FORGERIES["RayJob: its own label"]),
    ],
    ids=[
        "a Job of nobody",
        "a Job of a RayJob by JobSet",
        "a pod by JobSet",
        "a JobSet of nobody",
        "a cluster of nobody",
        "a cluster of a RayService",
        "a pod of nobody",
        "a pod of a RayJob",
        "a RayJob",
    ],
)
def test_an_engine_is_not_made_to_do_it_by_other_kinds(shared: Trials, user: str, body: dict[str, Any]) -> None:
    """Only objects that the policies guard lead to a trial's pods."""
    assert "orbidden" in refusal(shared, body, user)


def test_everybody_goes_on_using_the_engines(shared: Trials) -> None:
    assert [refusal(shared, body) for body in engines.ordinary()] == [""] * len(engines.ordinary())


def test_a_workload_cannot_become_a_trials_later(shared: Trials) -> None:
    user = shared.cluster.kubeconfig_for("mallory")
    body = engines.job_set(engines.pods(), name="plain")
    text = yaml.safe_dump(body)
    shared.cluster.kubectl("create", "-n", shared.namespace, "-f", "-", input=text, user=user)
    template = "/spec/replicatedJobs/0/template/spec/template/metadata/labels"
    patch = json.dumps([{"op": "add", "path": template, "value": LABELS}])
    with pytest.raises(CommandFailed, match="only the operator makes the JobSets"):
        shared.cluster.kubectl(
            "patch", "jobset", "plain", "-n", shared.namespace, "--type=json", "-p", patch, user=user
        )


def test_a_trials_workload_may_be_changed_as_before(shared: Trials) -> None:
    """A queue lets it run, and people annotate it, as their rights allow."""
    body = {**OF_A_JOBSET, "metadata": {"name": "of-a-trial", "labels": LABELS}}
    shared.cluster.kubectl("create", "-n", shared.namespace, "-f", "-", f"--as={OPERATOR}", input=yaml.safe_dump(body))
    patch = json.dumps({"metadata": {"annotations": {"note": "seen"}}, "spec": {"suspend": True}})
    user = shared.cluster.kubeconfig_for("mallory")
    command = ["patch", "jobset", "of-a-trial", "-n", shared.namespace, "--type=merge", "-p", patch]
    shared.cluster.kubectl(*command, user=user)


def test_each_pod_of_a_trial_annotates_itself_and_none_of_its_others(shared: Trials) -> None:
    """Two pods of a child Job of a JobSet: only one of them may say what the trial has found, whatever it is told."""
    body = owned(job("many-worker-0"), JOBSETS, "JobSet")
    parent = {**OF_A_JOBSET, "metadata": {"name": "many", "labels": LABELS}}
    command = ["create", "-n", shared.namespace, "-o", "json", "-f", "-"]
    made = json.loads(shared.cluster.kubectl(*command, f"--as={OPERATOR}", input=yaml.safe_dump(parent)))
    body["metadata"]["ownerReferences"][0] |= {"name": "many", "uid": made["metadata"]["uid"]}
    body["spec"] |= {"completionMode": "Indexed", "completions": 2, "parallelism": 2}
    shared.cluster.kubectl(*command, f"--as={JOBSET}", input=yaml.safe_dump(body))
    first, second = shared.cluster.wait_for(
        "both pods",
        lambda: (
            found if len(found := shared.cluster.list("pods", shared.namespace, "job-name=many-worker-0")) == 2 else []
        ),
    )
    pods = Trials(shared.cluster, shared.namespace, first, second)
    pods.annotate({REWARD: "0.9"})
    with pytest.raises(Refused, match="its own pod only"):
        pods.annotate({REWARD: "0"}, second)
    assert pods.annotations()[REWARD] == "0.9"


def test_policies_of_workloads_are_typed_and_free_of_warnings(shared: Trials) -> None:
    """The API server's own type check of the expressions, against the engines' own CRDs."""
    names = ("jobsets", "trainjobs", "trainingruntimes", "rayjobs", "rayclusters", "jobs", "pods")
    for name in (f"evonas-trials-only-{kind}" for kind in names):
        status = shared.cluster.wait_for(
            f"the type check of {name}",
            lambda name=name: shared.cluster.get("validatingadmissionpolicy", name).get("status", {}),  # type: ignore[misc]
        )
        assert status["typeChecking"].get("expressionWarnings", []) == []
