"""Kubeflow Trainer, as a process of this machine: it makes a JobSet of a TrainJob and its runtime.

``build/trainer`` starts its controllers and webhooks. No runtime is installed: each test brings its own.
"""

from __future__ import annotations

from pathlib import Path

from harness import binaries, credentials, processes, webhooks
from harness.client import Cluster
from harness.state import Instance

PORTS = ("trainer", "trainer-webhook")


def start(instance: Instance, programs: dict[str, Path]) -> None:
    """Install and start the Trainer; return when a TrainJob could be created."""
    manifests = binaries.source("trainer", "github.com/kubeflow/trainer/v2") / "manifests" / "base"
    cluster = Cluster(instance)
    webhooks.install_kinds(cluster, manifests / "crds")
    webhooks.install_webhooks(cluster, "trainer", manifests / "webhook")
    probes = f"{instance.host}:{instance.ports['trainer']}"
    argv = [
        "env",
        f"KUBECONFIG={credentials.kubeconfig_path(instance, 'trainer')}",
        programs["trainer"],
        f"--health-probe-bind-address={probes}",
        f"--webhook-host={instance.host}",
        f"--webhook-port={instance.ports['trainer-webhook']}",
        f"--webhook-cert-dir={webhooks.certificates(instance, 'trainer')}",
    ]
    processes.start(instance, "trainer", argv, health=f"http://{probes}/readyz")
    processes.wait_healthy(instance, "trainer")
