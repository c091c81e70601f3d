"""stub"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cluster.state import Instance

PORTS = ("kubelet", "kubelet-health", "kube-proxy-health")


def prepare(progress: Callable[[str], None]) -> None: ...
def open_sandbox(instance: Instance, programs: dict[str, Path]) -> None: ...
def start(instance: Instance, programs: dict[str, Path]) -> None: ...
def close_sandbox(instance: Instance) -> None: ...
