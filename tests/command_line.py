"""The command line as a user of a cluster calls it: a program of its own, with a kubeconfig alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from harness.client import Cluster
from tests import warm
from tests.shell_blocks import environment


def evonas(
    cluster: Cluster, namespace: str, *words: str, kubeconfig: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command on a namespace of a cluster, as the administrator where no kubeconfig is given."""
    environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    place = ["--kubeconfig", str(kubeconfig or cluster.kubeconfig), "-n", namespace]
    return warm.run("evonas", [*words, *place], environment=environment, timeout=300, imported=warm.CLUSTER)


def shell_of(cluster: Cluster, namespace: str, folder: Path) -> dict[str, str]:
    """Return the environment of a shell that has kubectl and helm, and whose kubeconfig is set to a namespace."""
    kubeconfig = folder / "kubeconfig"
    shutil.copyfile(cluster.kubeconfig, kubeconfig)
    cluster.kubectl("config", "set-context", "--current", f"--namespace={namespace}", user=kubeconfig)
    helm = {f"HELM_{name}_HOME": str(folder / "helm" / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
    ours = environment(KUBECONFIG=str(kubeconfig), **helm)
    return {**ours, "PATH": f"{cluster.instance.folder / 'bin'}{os.pathsep}{ours['PATH']}"}
