"""Where a cluster is configured: a service account's pod, or kubeconfigs. Needs none of the packages that use them."""

from __future__ import annotations

import os
from pathlib import Path


def is_pods_own(kubeconfig: Path | None, context: str | None) -> bool:
    """Return whether the cluster is the one that this process runs in: nothing else was named."""
    return kubeconfig is None and context is None and "KUBERNETES_SERVICE_HOST" in os.environ


def kubeconfig_paths(kubeconfig: Path | None = None) -> list[Path]:
    """Return the files that are read, the given one or else those that kubectl reads; they need not exist."""
    named = os.environ.get("KUBECONFIG") or "~/.kube/config"
    return [Path(name).expanduser() for name in named.split(os.pathsep) if name] if kubeconfig is None else [kubeconfig]


def is_configured() -> bool:
    """Return whether there is a cluster to be asked if none is named."""
    return is_pods_own(None, None) or any(path.exists() for path in kubeconfig_paths())
