"""JobSet as it is installed by default, but as a process of this machine: it makes the Jobs of a JobSet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from harness import binaries, credentials, processes, webhooks
from harness.client import Cluster
from harness.state import Instance

PORTS = ("jobset", "jobset-webhook")


def start(instance: Instance, programs: dict[str, Path]) -> None:
    """Install and start JobSet; return when a JobSet could be created."""
    cluster = Cluster(instance)
    manifests = binaries.source("jobset", "sigs.k8s.io/jobset") / "config" / "components"
    webhooks.install_kinds(cluster, manifests / "crd" / "bases")
    webhooks.install_webhooks(cluster, "jobset", manifests / "webhook")
    config = instance.path("jobset", "config.yaml")
    config.write_text(yaml.safe_dump(_configuration(instance)))
    kubeconfig = credentials.kubeconfig_path(instance, "jobset")
    argv = ["env", f"KUBECONFIG={kubeconfig}", programs["jobset"], f"--config={config}"]
    processes.start(instance, "jobset", argv, health=f"http://{instance.host}:{instance.ports['jobset']}/readyz")
    processes.wait_healthy(instance, "jobset")


def _configuration(instance: Instance) -> dict[str, Any]:
    certificates = webhooks.certificates(instance, "jobset")
    return {
        "apiVersion": "config.jobset.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": f"{instance.host}:{instance.ports['jobset']}"},
        "metrics": {"bindAddress": "0"},
        "webhook": {"host": instance.host, "port": instance.ports["jobset-webhook"], "certDir": str(certificates)},
        "leaderElection": {"leaderElect": False},
        # What it makes itself it keeps in a folder that it shares with every other controller of this machine.
        "internalCertManagement": {"enable": False},
    }
