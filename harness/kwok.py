"""The fake node: kwok plays the kubelet of a node with room for thousands of pods, beside the real control plane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from harness import credentials, processes
from harness.client import Cluster
from harness.stages import stages
from harness.state import Instance

PORTS = ("kwok",)

NODE = "fake"

_CAPACITY = {"cpu": "100000", "memory": "1000Ti", "pods": "5000", "nvidia.com/gpu": "5000"}

_NODE_MANIFEST: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": NODE,
        "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
        "labels": {"type": "kwok", "kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"},
    },
    # Beside a real node only pods that ask for the fake one may land here.
    "spec": {"taints": [{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}]},
    "status": {
        "capacity": _CAPACITY,
        "allocatable": _CAPACITY,
        "nodeInfo": {
            "architecture": "amd64",
            "operatingSystem": "linux",
            "kubeletVersion": "fake",
            **dict.fromkeys(
                (
                    "bootID",
                    "containerRuntimeVersion",
                    "kernelVersion",
                    "kubeProxyVersion",
                    "machineID",
                    "osImage",
                    "systemUUID",
                ),
                "",
            ),
        },
    },
}

PRINTED = 0.9
"""The accuracy that every pod prints last."""

_LOGS = {
    "apiVersion": "kwok.x-k8s.io/v1alpha1",
    "kind": "ClusterLogs",
    "metadata": {"name": "every-pod"},
}

_CONFIGURATION = {
    "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
    "kind": "KwokConfiguration",
    "options": {"podPlayStageParallelism": 16},
}


def start(instance: Instance, programs: dict[str, Path]) -> None:
    """Start kwok and return when its node is Ready."""
    config = instance.path("kwok.yaml")
    logs = {**_LOGS, "spec": {"logs": [{"logsFile": str(_write_log(instance)), "follow": True}]}}
    config.write_text(yaml.safe_dump_all([_CONFIGURATION, logs, *stages(instance.options)]))
    address = f"127.0.0.1:{instance.ports['kwok']}"
    argv = [
        programs["kwok"],
        f"--kubeconfig={credentials.kubeconfig_path(instance, 'kwok')}",
        f"--config={config}",
        "--manage-all-nodes=false",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        # Without a lease the node counts as lost every 50 seconds, and its pods are not ready from then on.
        "--node-lease-duration-seconds=40",
        f"--server-address={address}",
        f"--node-port={instance.ports['kwok']}",
        f"--node-ip={instance.host}",
        f"--cidr={instance.pod_cidr}",
    ]
    processes.start(instance, "kwok", argv, health=f"http://{address}/healthz")
    cluster = Cluster(instance)
    # Where the API server asks for logs.
    where = {
        "addresses": [{"type": "InternalIP", "address": instance.host}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": instance.ports["kwok"]}},
    }
    node = {**_NODE_MANIFEST, "status": {**_NODE_MANIFEST["status"], **where}}
    cluster.kubectl("create", "-f", "-", input=yaml.safe_dump(node))
    processes.wait_healthy(instance, "kwok")
    cluster.wait_for("the fake node to be Ready and open", lambda: _is_open(cluster))


def _write_log(instance: Instance) -> Path:
    """Write what every pod has printed, as a container runtime keeps it: nothing else of a pod depends on it."""
    log = instance.path("pods.log")
    lines = [f"epoch {epoch}: accuracy={epoch / 10}" for epoch in range(1, round(10 * PRINTED) + 1)]
    log.write_text("".join(f"2026-01-01T00:00:00.000000000Z stdout F {line}\n" for line in lines))
    return log


def _is_open(cluster: Cluster) -> bool:
    """Ready, and rid of the taint that the controller-manager puts on a node that was not ready yet."""
    node = cluster.get("node", NODE)
    conditions = {item["type"]: item["status"] for item in node.get("status", {}).get("conditions", [])}
    keys = {taint["key"] for taint in node["spec"].get("taints", [])}
    return conditions.get("Ready") == "True" and "node.kubernetes.io/not-ready" not in keys
