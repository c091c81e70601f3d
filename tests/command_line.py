"""The command line as a user of a cluster calls it: a program of its own, with a kubeconfig alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.cluster.client import Cluster


def evonas(
    cluster: Cluster, namespace: str, *words: str, kubeconfig: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command on a namespace of a cluster, as the administrator where no kubeconfig is given."""
    environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    command = [
        sys.executable,
        "-m",
        "evonas",
        *words,
        "--kubeconfig",
        str(kubeconfig or cluster.kubeconfig),
        "-n",
        namespace,
    ]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, env=environment)
