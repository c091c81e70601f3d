"""Engines on trial: work of many pods gets its pods and comes to its end, on the real controllers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from harness.client import Cluster, Object, Objects
from harness.errors import CommandFailed
from harness.fixtures import running_or_skipped
from tests.chart.rendering import ROOT

pytestmark = [pytest.mark.trainer, pytest.mark.trainer22, pytest.mark.kuberay, pytest.mark.kueue]

FAKE = {"nodeSelector": {"type": "kwok"}, "tolerations": [{"operator": "Exists"}]}
HELD = {"evonas-test/duration": "600s"}
QUEUE = {"kueue.x-k8s.io/queue-name": "gpus"}


@pytest.fixture(scope="module")
def engines() -> Iterator[Cluster]:
    with running_or_skipped("kueue", "trainer", "kuberay") as cluster:
        cluster.apply(yaml.safe_dump(_runtime()))
        yield cluster


@pytest.fixture
def namespace(engines: Cluster) -> Iterator[str]:
    with _with_queue(engines) as name:
        yield name


@contextmanager
def _with_queue(cluster: Cluster) -> Iterator[str]:
    """A namespace with the example's queue, which has two GPUs."""
    with cluster.namespace() as name:
        cluster.apply((ROOT / "examples" / "queues" / "kueue.yaml").read_text(), name)
        yield name


def _template(container: str, **annotations: str) -> dict[str, Any]:
    containers = [{"name": container, "image": "none", "resources": {"limits": {"nvidia.com/gpu": 1}}}]
    return {"metadata": {"annotations": annotations}, "spec": {"containers": containers, **FAKE}}


def _group(name: str, **annotations: str) -> dict[str, Any]:
    template = _template("trial", **annotations)
    template["spec"]["restartPolicy"] = "Never"
    return {"name": name, "template": {"spec": {"backoffLimit": 0, "template": template}}}


def _job_set(name: str, labels: dict[str, str], **annotations: str) -> str:
    groups = [_group("driver", **annotations), _group("worker", **annotations)]
    metadata = {"name": name, "labels": labels}
    body = {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": metadata}
    return yaml.safe_dump({**body, "spec": {"replicatedJobs": groups}})


def _runtime() -> dict[str, Any]:
    node = _group("node")
    node["template"]["metadata"] = {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}}
    kind = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "ClusterTrainingRuntime"}
    spec = {"mlPolicy": {"numNodes": 1}, "template": {"spec": {"replicatedJobs": [node]}}}
    return {**kind, "metadata": {"name": "plain"}, "spec": spec}


def _train_job(name: str, labels: dict[str, str]) -> str:
    metadata = {"name": name, "labels": labels}
    body = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "metadata": metadata}
    return yaml.safe_dump({**body, "spec": {"runtimeRef": {"name": "plain"}, "trainer": {"numNodes": 2}}})


def _ray_job(name: str, **annotations: str) -> str:
    workers = {"groupName": "workers", "replicas": 1, "minReplicas": 1, "maxReplicas": 1, "rayStartParams": {}}
    cluster = {
        "rayVersion": "2.46.0",
        "headGroupSpec": {"rayStartParams": {}, "template": _template("head", **annotations)},
        "workerGroupSpecs": [{**workers, "template": _template("worker")}],
    }
    spec = {"entrypoint": "python train.py", "submissionMode": "HTTPMode", "rayClusterSpec": cluster}
    return yaml.safe_dump({"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": {"name": name}, "spec": spec})


def _running(cluster: Cluster, namespace: str, selector: str) -> Objects:
    pods = cluster.list("pods", namespace, selector)
    return [pod for pod in pods if pod["status"].get("phase") == "Running"]


def _is_true(body: Object, condition: str) -> bool:
    found = {item["type"]: item["status"] for item in body.get("status", {}).get("conditions", [])}
    return found.get(condition) == "True"


def _wait_until(cluster: Cluster, namespace: str, kind: str, name: str, condition: str) -> None:
    cluster.wait_for(f"{name} to be {condition}", lambda: _is_true(cluster.get(kind, name, namespace), condition))


def _wait_for_ray(cluster: Cluster, namespace: str, name: str, state: str) -> Object:
    def status() -> Object | None:
        found: Object = cluster.get("rayjob", name, namespace).get("status", {})
        return found if found.get("jobDeploymentStatus") == state else None

    found = cluster.wait_for(f"{name} to be {state}", status)
    assert found is not None
    return found


def test_a_job_set_gets_all_its_pods_and_completes(engines: Cluster, namespace: str) -> None:
    engines.apply(_job_set("whole", {}, **{"evonas-test/duration": "3s"}), namespace)
    selector = "jobset.sigs.k8s.io/jobset-name=whole"
    engines.wait_for("both pods to run", lambda: len(_running(engines, namespace, selector)) == 2)
    _wait_until(engines, namespace, "jobset", "whole", "Completed")


def test_a_job_set_fails_with_one_of_its_pods(engines: Cluster, namespace: str) -> None:
    engines.apply(_job_set("partly", {}, **{"evonas-test/outcome": "fail"}), namespace)
    _wait_until(engines, namespace, "jobset", "partly", "Failed")


def test_job_sets_are_admitted_as_a_whole(engines: Cluster, namespace: str) -> None:
    engines.apply(_job_set("first", QUEUE, **HELD), namespace)
    engines.wait_for("both pods to run", lambda: len(_running(engines, namespace, "")) == 2)
    engines.apply(_job_set("second", QUEUE, **HELD), namespace)
    _wait_until(engines, namespace, "jobset", "second", "Suspended")
    pod = _running(engines, namespace, "jobset.sigs.k8s.io/replicatedjob-name=driver")[0]["metadata"]["name"]
    engines.annotate("pod", pod, namespace, {"evonas.dev/reward": "1"})
    ended = "jobset.sigs.k8s.io/jobset-name=first"
    engines.wait_for("one pod of the first to end", lambda: len(_running(engines, namespace, ended)) == 1)
    # One GPU is free, and the second needs two.
    assert not engines.list("pods", namespace, "jobset.sigs.k8s.io/jobset-name=second")
    engines.kubectl("delete", "jobset", "first", "-n", namespace)
    selector = "jobset.sigs.k8s.io/jobset-name=second"
    engines.wait_for("both pods of the second to run", lambda: len(_running(engines, namespace, selector)) == 2)


def test_a_train_job_becomes_a_job_set_and_completes(engines: Cluster, namespace: str) -> None:
    engines.apply(_train_job("trained", {}), namespace)
    selector = "jobset.sigs.k8s.io/jobset-name=trained"
    engines.wait_for("both nodes", lambda: len(engines.list("pods", namespace, selector)) == 2)
    _wait_until(engines, namespace, "trainjob", "trained", "Complete")


def test_a_ray_job_gets_a_cluster_and_ends_as_its_head_does(engines: Cluster, namespace: str) -> None:
    engines.apply(_ray_job("good"), namespace)
    engines.apply(_ray_job("bad", **{"evonas-test/outcome": "infeasible"}), namespace)
    complete = _wait_for_ray(engines, namespace, "good", "Complete")
    assert complete["jobStatus"] == "SUCCEEDED"
    pods = engines.list("pods", namespace, f"ray.io/cluster={complete['rayClusterName']}")
    assert sorted(pod["metadata"]["labels"]["ray.io/node-type"] for pod in pods) == ["head", "worker"]
    failed = _wait_for_ray(engines, namespace, "bad", "Failed")
    assert (failed["jobStatus"], failed["reason"]) == ("FAILED", "AppFailed")
    assert "failed with exit code 65" in failed["message"]


def test_what_ends_while_its_engine_is_down_is_seen_afterwards(engines: Cluster, namespace: str) -> None:
    engines.apply(_job_set("sets", {}, **HELD), namespace)
    engines.apply(_ray_job("ray", **HELD), namespace)
    _wait_for_ray(engines, namespace, "ray", "Running")
    engines.wait_for("four pods to run", lambda: len(_running(engines, namespace, "")) == 4)
    for engine in ("jobset", "kuberay"):
        engines.kill(engine)
    for pod in _running(engines, namespace, ""):
        engines.annotate("pod", pod["metadata"]["name"], namespace, {"evonas.dev/reward": "1"})
    engines.wait_for("only the Ray cluster to be left", lambda: len(_running(engines, namespace, "")) == 2)
    assert not _is_true(engines.get("jobset", "sets", namespace), "Completed")
    for engine in ("jobset", "kuberay"):
        engines.restart(engine)
    _wait_until(engines, namespace, "jobset", "sets", "Completed")
    _wait_for_ray(engines, namespace, "ray", "Complete")


def test_a_train_job_is_taken_up_when_the_trainer_is_back(engines: Cluster, namespace: str) -> None:
    engines.kill("trainer")
    with pytest.raises(CommandFailed, match="failed calling webhook"):
        engines.apply(_train_job("late", {}), namespace)
    engines.restart("trainer")
    engines.apply(_train_job("late", {}), namespace)
    _wait_until(engines, namespace, "trainjob", "late", "Complete")


def test_train_jobs_of_the_version_that_kueue_knows_take_turns() -> None:
    with running_or_skipped("kueue", "trainer22") as cluster, _with_queue(cluster) as namespace:
        cluster.apply(yaml.safe_dump(_runtime()))
        for name in ("first", "second"):
            cluster.apply(_train_job(name, QUEUE), namespace)
        most = 0

        def both_complete() -> bool:
            nonlocal most
            most = max(most, len(_running(cluster, namespace, "")))
            return all(_is_true(body, "Complete") for body in cluster.list("trainjobs", namespace))

        cluster.wait_for("both to complete", both_complete)
        assert most == 2
