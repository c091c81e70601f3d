"""Searches whose trials are TrainJobs, and runtimes for them on kwok's fake node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.operator_process import search


def trainjob(name: str, *, runtime: str, nodes: int = 2, **spec: Any) -> dict[str, Any]:
    """Return a search whose trials are TrainJobs of so many nodes, each with a GPU, by one of ``runtimes``."""
    body = search(name, **spec)
    trainer = {
        "image": "trial:test",
        "command": ["torchrun", "train.py"],
        "numNodes": nodes,
        "resourcesPerNode": {"limits": {"nvidia.com/gpu": 1}},
    }
    del body["spec"]["trial"]["template"]
    body["spec"]["trial"]["workload"] = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "spec": {"runtimeRef": {"name": runtime}, "trainer": trainer},
    }
    return body


def runtimes(annotations: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return runtimes by name and by the annotations of their pods, the first of which that fails ends the whole."""
    return [
        {
            "apiVersion": "trainer.kubeflow.org/v1alpha1",
            "kind": "ClusterTrainingRuntime",
            "metadata": {"name": name},
            "spec": {
                "mlPolicy": {"numNodes": 1, "torch": {"numProcPerNode": "auto"}},
                "template": {"spec": {"replicatedJobs": [_nodes(of_pods)]}},
            },
        }
        for name, of_pods in annotations.items()
    ]


def _nodes(annotations: Mapping[str, str]) -> dict[str, Any]:
    pod = {
        "restartPolicy": "Never",
        "nodeSelector": {"type": "kwok"},
        "tolerations": [{"operator": "Exists"}],
        "containers": [{"name": "node", "image": "none"}],
    }
    template = {"metadata": {"annotations": dict(annotations)}, "spec": pod}
    # A deleted pod may count as failed, which is for the runtime to forgive.
    limit = {"backoffLimit": 0} if "evonas-test/outcome" in annotations else {}
    return {
        "name": "node",
        "template": {
            "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
            "spec": {**limit, "template": template},
        },
    }
