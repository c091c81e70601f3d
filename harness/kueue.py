"""Kueue as it is installed by default, but as a process of this machine: it decides when work with a queue may run.

Its manifests come with its module. Only what a pod would have is given to it by other means: the service leads to the
machine itself, and the certificate that Kueue makes and keeps in a Secret is written to its folder as a kubelet would.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import yaml

from harness import binaries, credentials, processes
from harness.client import Cluster
from harness.commands import run
from harness.state import Instance

PORTS = ("kueue", "kueue-webhook")

NAMESPACE = "kueue-system"
_SECRET = "kueue-webhook-server-cert"
_SERVICE = "kueue-webhook-service"
_WEBHOOKS = {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
_GROUPS = {"batch", "kueue.x-k8s.io"}
"""API groups whose objects Kueue is asked about; those of engines come on top."""
_FRAMEWORKS = {
    "jobset": "jobset.x-k8s.io/jobset",
    "trainer22": "trainer.kubeflow.org/trainjob",
    "kuberay": "ray.io/rayjob",
}
"""The kind of work of an engine, as Kueue calls it: its group comes first. A TrainJob of 2.0 it cannot start."""


def start(instance: Instance, programs: dict[str, Path]) -> None:
    """Install and start Kueue; return when work could be put into a queue."""
    cluster = Cluster(instance)
    cluster.apply(yaml.safe_dump_all(_manifests(instance, programs["kubectl"]), sort_keys=False))
    certificates = instance.path("kueue", "tls.crt").parent
    config = instance.path("kueue", "config.yaml")
    config.write_text(yaml.safe_dump(_configuration(instance, certificates)))
    argv = [
        "env",
        f"KUBECONFIG={credentials.kubeconfig_path(instance, 'kueue')}",
        programs["kueue"],
        f"--config={config}",
    ]
    health = f"http://{instance.host}:{instance.ports['kueue']}/readyz"
    processes.start(instance, "kueue", argv, health=health)
    _hand_over_certificate(cluster, certificates)
    processes.wait_healthy(instance, "kueue")


def _configuration(instance: Instance, certificates: Path) -> dict[str, Any]:
    return {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "namespace": NAMESPACE,
        "health": {"healthProbeBindAddress": f"{instance.host}:{instance.ports['kueue']}"},
        "metrics": {"bindAddress": "0"},
        "webhook": {"host": instance.host, "port": instance.ports["kueue-webhook"], "certDir": str(certificates)},
        "leaderElection": {"leaderElect": False},
        "integrations": {"frameworks": ["batch/job", *_engines(instance)]},
        "featureGates": {"VisibilityOnDemand": False},
    }


def _manifests(instance: Instance, kubectl: Path) -> list[dict[str, Any]]:
    """Kueue's own manifests as far as a process needs them: no rights (it has all) and no Deployment."""
    folder = binaries.source("kueue", "sigs.k8s.io/kueue") / "config" / "default"
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _SERVICE, "namespace": NAMESPACE},
        "spec": {"type": "ExternalName", "externalName": instance.host},
    }
    kept = []
    groups = {*_GROUPS, *(framework.partition("/")[0] for framework in _engines(instance))}
    for document in yaml.load_all(run([kubectl, "kustomize", folder]), Loader=yaml.CSafeLoader):
        kind = document["kind"]
        if kind in _WEBHOOKS:
            document["webhooks"] = [item for item in document["webhooks"] if _concerns(item, groups)]
            clients = [item["clientConfig"] for item in document["webhooks"]]
        elif kind == "CustomResourceDefinition":
            conversion = document["spec"].get("conversion", {})
            clients = [conversion["webhook"]["clientConfig"]] if "webhook" in conversion else []
        elif kind == "Namespace" or (kind == "Secret" and document["metadata"]["name"] == _SECRET):
            clients = []
        else:
            continue
        for client in clients:
            client["service"]["port"] = instance.ports["kueue-webhook"]
        kept.append(document)
    return [*kept, service]


def _engines(instance: Instance) -> list[str]:
    """What Kueue shall manage besides Jobs: nothing whose kinds the instance does not know."""
    return [_FRAMEWORKS[engine] for engine in instance.options.engines if engine in _FRAMEWORKS]


def _concerns(webhook: dict[str, Any], groups: set[str]) -> bool:
    return any(groups & set(rule["apiGroups"]) for rule in webhook["rules"])


def _hand_over_certificate(cluster: Cluster, folder: Path) -> None:
    secret = cluster.wait_for(
        "Kueue's certificate",
        lambda: cluster.get("secret", _SECRET, NAMESPACE).get("data", {}),
    )
    for name, content in secret.items():
        (folder / name).write_bytes(base64.b64decode(content))
