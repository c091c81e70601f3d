"""Kubeflow Trainer, as a process of this machine: it makes a JobSet of a TrainJob and its runtime.

In two versions, whose TrainJobs differ: 2.0, and 2.2, the one whose TrainJobs Kueue can start. No runtime is installed:
each test brings its own.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from harness import binaries, credentials, processes, webhooks
from harness.client import Cluster
from harness.state import Instance

PORTS = ("trainer", "trainer-webhook")

_MODULE = "github.com/kubeflow/trainer/v2"


def start(instance: Instance, programs: dict[str, Path]) -> None:
    """Install and start 2.0; return when a TrainJob could be created."""
    _install(instance, "trainer")
    # build/trainer has options for what its original keeps in one place for the whole machine.
    options = [
        f"--health-probe-bind-address={_probes(instance)}",
        f"--webhook-host={instance.host}",
        f"--webhook-port={instance.ports['trainer-webhook']}",
        f"--webhook-cert-dir={webhooks.certificates(instance, 'trainer')}",
    ]
    _start(instance, programs["trainer"], options)


def start22(instance: Instance, programs: dict[str, Path]) -> None:
    """Install and start 2.2; return when a TrainJob could be created."""
    _install(instance, "trainer22")
    config = instance.path("trainer", "config.yaml")
    body = {
        "apiVersion": "config.trainer.kubeflow.org/v1alpha1",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": _probes(instance)},
        "metrics": {"bindAddress": "0"},
        "webhook": {"host": instance.host, "port": instance.ports["trainer-webhook"]},
        "leaderElection": {"leaderElect": False},
        "certManagement": {"enable": False},
    }
    config.write_text(yaml.safe_dump(body))
    # Its certificate is looked for in a folder for temporary files.
    webhooks.certificates(instance, "trainer", "k8s-webhook-server", "serving-certs")
    _start(instance, programs["trainer22"], [f"--config={config}"], f"TMPDIR={config.parent}")


def _install(instance: Instance, build: str) -> None:
    cluster = Cluster(instance)
    manifests = binaries.source(build, _MODULE) / "manifests" / "base"
    webhooks.install_kinds(cluster, manifests / "crds")
    webhooks.install_webhooks(cluster, "trainer", manifests / "webhook")


def _start(instance: Instance, program: Path, options: list[str], *environment: str) -> None:
    kubeconfig = credentials.kubeconfig_path(instance, "trainer")
    argv = ["env", f"KUBECONFIG={kubeconfig}", *environment, program, *options]
    processes.start(instance, "trainer", argv, health=f"http://{_probes(instance)}/readyz")
    processes.wait_healthy(instance, "trainer")


def _probes(instance: Instance) -> str:
    return f"{instance.host}:{instance.ports['trainer']}"
