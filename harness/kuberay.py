"""KubeRay's operator, as a process of this machine: it makes pods, services and jobs of Ray's clusters.

It asks a cluster's head about its jobs. Fake pods answer nobody, so what it asks by HTTP goes to ``ray_dashboard``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness import binaries, credentials, processes, webhooks
from harness.client import Cluster
from harness.state import Instance

PORTS = ("kuberay", "ray-dashboard")

_REPOSITORY = Path(__file__).parents[1]


def start(instance: Instance, programs: dict[str, Path]) -> None:
    """Install and start KubeRay; return when a RayJob could be created."""
    manifests = binaries.source("kuberay", "github.com/ray-project/kuberay/ray-operator") / "config"
    webhooks.install_kinds(Cluster(instance), manifests / "crd" / "bases")
    dashboard = f"http://{instance.host}:{instance.ports['ray-dashboard']}"
    argv = ["env", f"--chdir={_REPOSITORY}", sys.executable, "-m", "harness.ray_dashboard", instance.name]
    processes.start(instance, "ray-dashboard", argv, health=f"{dashboard}/healthz")
    probes = f"{instance.host}:{instance.ports['kuberay']}"
    argv = [
        "env",
        f"KUBECONFIG={credentials.kubeconfig_path(instance, 'kuberay')}",
        # Go sends nothing through a proxy that is meant for this machine, such as requests to the API server.
        f"HTTP_PROXY={dashboard}",
        str(programs["kuberay"]),
        f"--health-probe-bind-address={probes}",
        "--metrics-addr=0",
        "--enable-leader-election=false",
    ]
    processes.start(instance, "kuberay", argv, health=f"http://{probes}/readyz")
    for name in ("ray-dashboard", "kuberay"):
        processes.wait_healthy(instance, name)
