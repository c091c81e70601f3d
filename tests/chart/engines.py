"""The kinds of the engines that run trials of many pods: their CRDs, and objects in a trial's likeness."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

from harness import binaries
from harness.client import Cluster

JOBSET = "system:serviceaccount:jobset-system:jobset-controller-manager"
TRAINER = "system:serviceaccount:kubeflow-system:kubeflow-trainer-controller-manager"
KUBERAY = "system:serviceaccount:default:kuberay-operator"
"""As the chart's values have them."""
ALL = {name: {"enabled": True} for name in ("jobSet", "trainJob", "rayJob")}
KINDS = ("jobsets.jobset.x-k8s.io", "trainjobs.trainer.kubeflow.org", "rayjobs.ray.io")
ACCOUNT, LABELS = "evonas-trial", {"evonas.dev/search-uid": "1"}

Object = dict[str, Any]

_CRDS = {
    "jobset": ("sigs.k8s.io/jobset", "config/components/crd/bases"),
    "trainer": ("github.com/kubeflow/trainer/v2", "manifests/base/crds"),
    "kuberay": ("github.com/ray-project/kuberay/ray-operator", "config/crd/bases"),
}


def definitions() -> list[Path]:
    """Return the files of the engines' CRDs, which come with their sources."""
    folders = [binaries.source(module, package) / path for module, (package, path) in _CRDS.items()]
    return sorted(path for folder in folders for path in folder.glob("*_*.yaml"))


def install(cluster: Cluster) -> None:
    """Install the CRDs without the engines."""
    for path in definitions():
        cluster.kubectl("apply", "--server-side", "-f", str(path))
    cluster.wait_established(*(f"crd/{name}" for name in KINDS))


def pods(spec: Object | None = None, labels: dict[str, str] | None = None) -> Object:
    """Return a pod template."""
    container = {"name": "main", "image": "trial:test"}
    return {"metadata": {"labels": labels or {}}, "spec": {"containers": [container], **(spec or {})}}


def job_set(template: Object, *, job_labels: dict[str, str] | None = None, **metadata: Any) -> Object:
    """Return a JobSet of one group."""
    job = {"metadata": {"labels": job_labels or {}}, "spec": {"template": template}}
    spec = {"replicatedJobs": [{"name": "worker", "replicas": 1, "template": job}]}
    return _object("jobset.x-k8s.io/v1alpha2", "JobSet", spec, metadata)


def train_job(*, pod_labels: dict[str, str] | None = None, account: str = "", **metadata: Any) -> Object:
    """Return a TrainJob of some runtime."""
    overrides = [{"targetJobs": [{"name": "node"}], "serviceAccountName": account}] if account else []
    spec = {"runtimeRef": {"name": "torch"}, "labels": pod_labels or {}, "podSpecOverrides": overrides}
    return _object("trainer.kubeflow.org/v1alpha1", "TrainJob", spec, metadata)


def runtime(template: Object, kind: str = "TrainingRuntime", **labels: str) -> Object:
    """Return a runtime of TrainJobs."""
    inner = {"metadata": {"labels": labels}, "spec": job_set(template)["spec"]}
    spec = {"mlPolicy": {"numNodes": 1}, "template": inner}
    return _object("trainer.kubeflow.org/v1alpha1", kind, spec, {})


def ray_spec(head: Object, worker: Object | None = None, labels: dict[str, str] | None = None) -> Object:
    """Return the spec of a cluster of Ray; the labels are those of its group of workers."""
    group = {"groupName": "workers", "replicas": 1, "minReplicas": 1, "maxReplicas": 1, "rayStartParams": {}}
    return {
        "headGroupSpec": {"rayStartParams": {}, "template": head},
        "workerGroupSpecs": [{**group, "template": worker or pods(), "labels": labels or {}}],
    }


def ray_job(spec: Object, submitter: Object | None = None, **metadata: Any) -> Object:
    """Return a RayJob."""
    whole = {"entrypoint": "python train.py", "rayClusterSpec": spec}
    if submitter is not None:
        whole["submitterPodTemplate"] = submitter
    return _object("ray.io/v1", "RayJob", whole, metadata)


def ray_cluster(spec: Object, **metadata: Any) -> Object:
    """Return a cluster of Ray."""
    return _object("ray.io/v1", "RayCluster", spec, metadata)


def forgeries() -> dict[str, Object]:
    """Return objects of which an engine would make pods in the likeness of a trial, one for each place to say so."""
    own, older, labelled = pods({"serviceAccountName": ACCOUNT}), pods({"serviceAccount": ACCOUNT}), pods(labels=LABELS)
    found: dict[str, Object] = {}
    ways: dict[str, Callable[[Object], Object]] = {
        "JobSet": job_set,
        "TrainingRuntime": runtime,
        "ClusterTrainingRuntime": lambda template: runtime(template, "ClusterTrainingRuntime"),
        "RayJob, its head": lambda template: ray_job(ray_spec(template)),
        "RayJob, its workers": lambda template: ray_job(ray_spec(pods(), template)),
        "RayJob, its submitter": lambda template: ray_job(ray_spec(pods()), template),
        "RayCluster, its head": lambda template: ray_cluster(ray_spec(template)),
        "RayCluster, its workers": lambda template: ray_cluster(ray_spec(pods(), template)),
    }
    for name, make in ways.items():
        for how, template in {"account": own, "account's older name": older, "label": labelled}.items():
            found[f"{name}: {how}"] = make(deepcopy(template))
    return {
        **found,
        "JobSet: its own label": job_set(pods(), labels=LABELS),
        "JobSet: a label of its Jobs": job_set(pods(), job_labels=LABELS),
        "TrainJob: account": train_job(account=ACCOUNT),
        "TrainJob: label": train_job(pod_labels=LABELS),
        "TrainJob: its own label": train_job(labels=LABELS),
        "TrainingRuntime: label of JobSets": runtime(pods(), **LABELS),
        "RayJob: its own label": ray_job(ray_spec(pods()), labels=LABELS),
        "RayJob: label of a group": ray_job(ray_spec(pods(), labels=LABELS)),
        "RayCluster: label of a group": ray_cluster(ray_spec(pods(), labels=LABELS)),
    }


def ordinary() -> list[Object]:
    """Return an object of each kind that has nothing to do with trials."""
    return [
        job_set(pods()),
        train_job(account="default"),
        runtime(pods({"serviceAccountName": "default"})),
        runtime(pods(), "ClusterTrainingRuntime"),
        ray_job(ray_spec(pods()), pods()),
        ray_cluster(ray_spec(pods({"serviceAccountName": "default"}))),
    ]


def _object(api_version: str, kind: str, spec: Object, metadata: Object) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", **metadata}, "spec": spec}
