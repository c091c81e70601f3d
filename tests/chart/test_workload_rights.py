"""A release that runs JobSets, beside the real JobSet: the rights that it uses, what its policies let pass, and what
`evonas doctor` says of it all.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.cluster.checks.workloads import VERBS
from evonas.search.names import VETO_ANNOTATION, trial_name, workload_name
from evonas.workloads.jobset import JobSet
from harness.client import Cluster
from harness.fixtures import running_or_skipped
from tests.chart import engines
from tests.chart.rendering import CHART, NAMESPACE
from tests.chart.test_hostile_trials import PROGRESS, Refused, Trials
from tests.chart.test_rights import Right, install, operator_of_the_chart, requests
from tests.command_line import evonas
from tests.integration.searches import wait_until
from tests.operator_process import search

pytestmark = [pytest.mark.kwok, pytest.mark.jobset, pytest.mark.timeout(400)]

ENGINE = "jobset"
"""The user as which the harness runs JobSet."""
ENABLED = ("--set-json", f'workloads.jobSet={{"enabled":true,"controllers":["{ENGINE}"]}}')


@pytest.fixture(scope="module")
def with_jobset() -> Iterator[Cluster]:
    """A control plane with JobSet, and no namespace but those that Kubernetes makes."""
    with running_or_skipped("kwok", "jobset") as started:
        started.kubectl("create", "namespace", NAMESPACE)
        yield started


def job_sets(name: str, *, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """Return a search whose trials are JobSets of two pods."""
    body = search(name, **spec)
    pod = body["spec"]["trial"].pop("template")["spec"]
    template = {"metadata": {"annotations": annotations or {}}, "spec": {**pod, "restartPolicy": "Never"}}
    job = {"spec": {"completionMode": "Indexed", "parallelism": 2, "completions": 2, "template": template}}
    workload = {"replicatedJobs": [{"name": "worker", "template": job}]}
    body["spec"]["trial"]["workload"] = {"apiVersion": JobSet.api_version, "kind": "JobSet", "spec": workload}
    return body


def says(cluster: Cluster, namespace: str, name: str, reason: str) -> bool:
    conditions = cluster.get("nas", name, namespace).get("status", {}).get("conditions", [])
    return any(condition["reason"] == reason for condition in conditions)


def stand_in_the_way(cluster: Cluster, namespace: str) -> None:
    """Put a foreign JobSet under a name that the operator will derive: it must look whose it is."""
    body = job_sets("taken", budget={"maxTrials": 2, "parallelTrials": 1})
    cluster.apply(yaml.safe_dump(body), namespace)
    uid = cluster.get("nas", "taken", namespace)["metadata"]["uid"]
    longest = JobSet().longest_name(body["spec"]["trial"]["workload"]["spec"])
    name = workload_name("taken", uid, 0, 1, longest)
    assert name != trial_name("taken", uid, 0)
    foreign = engines.job_set(engines.pods({"restartPolicy": "Never", "nodeSelector": {"no": "node"}}), name=name)
    cluster.apply(yaml.safe_dump(foreign), namespace)


def test_rights_to_workloads_are_those_that_are_used_and_policies_let_the_engine_work(
    with_jobset: Cluster, tmp_path: Path
) -> None:
    cluster = with_jobset
    install(cluster, *ENABLED)
    with cluster.namespace() as namespace:
        stand_in_the_way(cluster, namespace)
        operator = operator_of_the_chart(cluster, tmp_path / "operator.log", "--workload", "JobSet")
        operator.start()
        # Ended ones are released.
        budget = {"maxTrials": 3, "parallelTrials": 1}
        cluster.apply(yaml.safe_dump(job_sets("done", budget=budget)), namespace)
        wait_until(cluster, namespace, "done", "Complete")
        # What runs is deleted where nobody wants it any more.
        held = {"evonas-test/duration": "600s"}
        cluster.apply(
            yaml.safe_dump(job_sets("stopped", budget={"maxTrials": 1, "parallelTrials": 1}, annotations=held)),
            namespace,
        )
        pods = cluster.wait_for("two running pods", lambda: _running(cluster, namespace, "stopped", 2))
        _check_own_pod(cluster, namespace, *pods)
        cluster.annotate("nas", "stopped", namespace, {f"{VETO_ANNOTATION}0": "no longer wanted"})
        cluster.wait_for("the end of its JobSet", lambda: not _job_sets(cluster, namespace, "stopped"))
        cluster.wait_for("the refusal", lambda: says(cluster, namespace, "taken", "ForeignObject"))
        assert operator.stop() == 0
    assert requests(cluster, refused=True) == set()
    used = {right for right in requests(cluster) if right.group == "jobset.x-k8s.io"}
    assert used == {Right("jobset.x-k8s.io", "jobsets", verb) for verb in VERBS}


def _running(cluster: Cluster, namespace: str, name: str, count: int) -> list[dict[str, Any]]:
    pods = cluster.list("pods", namespace, f"evonas.dev/search={name}")
    running = [pod for pod in pods if pod["status"].get("phase") == "Running"]
    return running if len(running) == count else []


def _job_sets(cluster: Cluster, namespace: str, name: str) -> list[dict[str, Any]]:
    return cluster.list("jobsets.jobset.x-k8s.io", namespace, f"evonas.dev/search={name}")


def _check_own_pod(cluster: Cluster, namespace: str, first: dict[str, Any], second: dict[str, Any]) -> None:
    """Of two pods of one trial, each reports for itself."""
    trial = Trials(cluster, namespace, first, second)
    trial.annotate({PROGRESS: '{"step": 1, "of": 2}'})
    with pytest.raises(Refused, match="its own pod only"):
        trial.annotate({PROGRESS: '{"step": 2, "of": 2}'}, second)


@pytest.fixture
def team(with_jobset: Cluster) -> Iterator[str]:
    with with_jobset.namespace("team") as name:
        yield name


def finding(cluster: Cluster, namespace: str, subject: str) -> tuple[str, str, str]:
    """Return verdict, message and cure of what the doctor has found."""
    said = evonas(cluster, namespace, "doctor", "--operator-namespace", NAMESPACE).stdout
    found = re.search(rf"^(\S+) +{re.escape(subject)}: (.*)(?:\n +fix: (.*))?", said, re.MULTILINE)
    assert found is not None, said
    return found.group(1), found.group(2), found.group(3) or ""


def controller(account: str, namespace: str) -> dict[str, Any]:
    """Return a Deployment labelled as JobSet's own is."""
    labels = {"app.kubernetes.io/name": "jobset"}
    pod = {"serviceAccountName": account, "containers": [{"name": "manager", "image": "jobset"}]}
    spec = {
        "replicas": 0,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    metadata = {"name": "jobset-controller-manager", "namespace": namespace, "labels": labels}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def run_cure(cluster: Cluster, cure: str) -> None:
    program, *words = shlex.split(cure.replace("charts/evonas", str(CHART)))
    {"helm": cluster.helm, "kubectl": cluster.kubectl}[program](*words)


def test_doctor_finds_a_kind_that_is_not_enabled_and_its_cure_enables_it(with_jobset: Cluster, team: str) -> None:
    cluster = with_jobset
    install(cluster)
    cluster.apply(yaml.safe_dump(job_sets("wants")), team)
    verdict, message, cure = finding(cluster, team, "kind JobSet")
    assert (verdict, message) == ("missing", f"{NAMESPACE}/evonas-operator does not run them, and wants asks for it")
    run_cure(cluster, cure)
    assert finding(cluster, team, "jobsets.jobset.x-k8s.io") == ("ok", "served as v1alpha2", "")
    assert finding(cluster, team, "role evonas-operator-workloads: jobsets")[0] == "ok"
    cluster.kubectl("delete", "clusterrole", "evonas-operator-workloads")
    verdict, message, cure = finding(cluster, team, "role evonas-operator-workloads: jobsets")
    assert verdict == "missing"
    assert message == f"{NAMESPACE}/evonas-operator runs them and may not create, delete, get, list, patch, watch them"
    # Helm looks at what it has installed, not at what is there.
    assert f"helm upgrade evonas charts/evonas --namespace {NAMESPACE} --reuse-values" in cure


def test_doctor_finds_an_engine_that_the_policies_do_not_know(with_jobset: Cluster, team: str) -> None:
    cluster, subject = with_jobset, "controller of JobSets: JobSet"
    install(cluster, *ENABLED)
    assert finding(cluster, team, subject)[0] == "?"
    cluster.apply(yaml.safe_dump(controller("odd", team)))
    said = evonas(cluster, team, "doctor", "--operator-namespace", NAMESPACE).stdout
    account = f"system:serviceaccount:{team}:odd"
    assert f"{team}/jobset-controller-manager has no replica that is available" in said
    assert f"the admission policies do not let {account} make what trials consist of" in said
    cure = re.findall(r"^ +fix: (helm upgrade .*controllers.*)$", said, re.MULTILINE)[0]
    run_cure(cluster, cure)
    said = evonas(cluster, team, "doctor", "--operator-namespace", NAMESPACE).stdout
    assert "the admission policies do not let" not in said


def test_doctor_looks_whether_kueue_admits_the_kind_of_a_search_with_a_queue(with_jobset: Cluster, team: str) -> None:
    cluster, subject = with_jobset, "Kueue's integration of JobSets"
    install(cluster, *ENABLED)
    body = job_sets("queued")
    body["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "gpus"}
    cluster.apply(yaml.safe_dump(body), team)
    assert finding(cluster, team, subject)[0] == "?"
    cluster.kubectl("create", "namespace", "kueue-system")
    for frameworks, verdict in ((["batch/job"], "warning"), (["batch/job", "jobset.x-k8s.io/jobset"], "ok")):
        text = json.dumps({"integrations": {"frameworks": frameworks}})
        metadata = {"name": "kueue-manager-config", "namespace": "kueue-system"}
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config.yaml": text}}
        cluster.apply(yaml.safe_dump(config))
        assert finding(cluster, team, subject)[0] == verdict


def test_doctor_says_which_versions_there_are_of_a_kind_that_trials_are_not_made_of(
    with_jobset: Cluster, team: str
) -> None:
    cluster, name = with_jobset, "jobsets.jobset.x-k8s.io"
    install(cluster, *ENABLED)
    crd = json.loads(cluster.kubectl("get", "crd", name, "-o", "json"))
    other = {**crd["spec"]["versions"][0], "name": "v9", "storage": False}
    served = json.dumps([{**crd["spec"]["versions"][0], "served": False}, other])
    patch = f'[{{"op": "replace", "path": "/spec/versions", "value": {served}}}]'
    cluster.kubectl("patch", "crd", name, "--type=json", "--patch-file=/dev/stdin", input=patch)
    verdict, message, cure = finding(cluster, team, name)
    assert (verdict, message) == ("warning", "served as v9, and trials are made as v1alpha2")
    assert cure.startswith("kubectl apply --server-side -f https://github.com/kubernetes-sigs/jobset/")
    cluster.kubectl("delete", "crd", name)
    verdict, message, _ = finding(cluster, team, name)
    assert (verdict, message) == ("warning", "the cluster does not know this kind: JobSet is not installed")
