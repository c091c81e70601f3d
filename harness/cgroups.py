"""The control group below which an instance's kubelet puts its pods, so that two kubelets do not meet in one tree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from harness.waiting import wait_for

_ROOT = Path("/sys/fs/cgroup")
_UNIFIED = _ROOT / "cgroup.controllers"


def create(name: str) -> None:
    """Make the group in every hierarchy, whichever version of control groups the machine has."""
    if _UNIFIED.exists():
        controllers = " ".join(f"+{controller}" for controller in _UNIFIED.read_text().split())
        (_ROOT / "cgroup.subtree_control").write_text(controllers)
    for hierarchy in _hierarchies():
        (hierarchy / name).mkdir(exist_ok=True)
        _inherit_cpus(hierarchy, hierarchy / name)


def remove(name: str) -> None:
    """Remove the groups; their processes were killed, and the kernel may still be busy with the last of them."""
    wait_for(f"the control groups of {name} to empty", lambda: _removed(name))


def _removed(name: str) -> bool:
    tops = [hierarchy / name for hierarchy in _hierarchies()]
    for top in tops:
        for group in below(top):
            with suppress(OSError):
                group.rmdir()
    return not any(top.exists() for top in tops)


def below(top: Path) -> Iterator[Path]:
    """The group and all below it, deepest first: a group with children cannot be removed.

    Others may remove groups meanwhile, which ``Path.glob`` does not survive.
    """
    return (Path(folder) for folder, _, _ in os.walk(top, topdown=False))


def _hierarchies() -> Iterator[Path]:
    if _UNIFIED.exists():
        yield _ROOT
        return
    # Names such as "cpu,cpuacct" are one hierarchy, and "cpu" then a link to it. "unified" is version 2 beside 1,
    # which the kubelet uses too where it is there.
    yield from (path for path in _ROOT.iterdir() if path.is_dir() and not path.is_symlink())


def _inherit_cpus(parent: Path, group: Path) -> None:
    # In version 1 a new cpuset is empty and nothing could run in it.
    for setting in ("cpuset.cpus", "cpuset.mems"):
        source, target = parent / setting, group / setting
        if source.exists() and target.exists() and not target.read_text().strip():
            target.write_text(source.read_text())
