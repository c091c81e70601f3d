"""What a tier needs of the machine, asked before anything is started: the answer is the reason a test skips with."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from harness.errors import Unavailable

CNI_PLUGINS = Path("/usr/lib/cni")

_NODE_PROGRAMS = (
    "buildah",
    "conntrack",
    "containerd",
    "ctr",
    "debootstrap",
    "ip",
    "iptables",
    "nsenter",
    "runc",
    "unshare",
)


def check(tier: str) -> None:
    """Raise Unavailable with everything that is missing, not only the first thing."""
    missing = [] if shutil.which("go") else ["the Go tool chain"]
    if tier == "node":
        missing += _missing_for_node()
    if missing:
        raise Unavailable(f"the {tier} tier of the test cluster needs {', '.join(missing)}")


def _missing_for_node() -> list[str]:
    if sys.platform != "linux":
        return ["Linux"]
    missing = [] if os.geteuid() == 0 else ["root"]
    missing += [program for program in _NODE_PROGRAMS if shutil.which(program) is None]
    if not (CNI_PLUGINS / "bridge").exists():
        missing.append(f"the CNI plugins in {CNI_PLUGINS}")
    return missing
