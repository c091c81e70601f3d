"""One cluster for all processes of a test run: the first that needs it starts it, the last that leaves ends it.

It belongs to the process that started the run, so that it dies with the run even where every user was killed.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from harness import cache, lifecycle, processes, state
from harness.client import Cluster
from harness.state import Options, ProcessId


@contextmanager
def sharing(tier: str, options: Options, prepare: Callable[[Cluster], None]) -> Iterator[Cluster]:
    """The run's cluster of that tier, engines and purpose, while the block lasts; whoever starts it prepares it."""
    engines = f"-{cache.key(options.engines)[:6]}" if options.engines else ""
    name = f"{tier}{engines}-{prepare.__name__.strip('_')}-{_run()}"
    lock, users = f"shared-{name}", state.folder_of(name) / "users"
    me = users / f"{os.getpid()}-{secrets.token_hex(4)}"
    with cache.locked(lock):
        cluster = _joined(name, users) or _started(name, tier, options, prepare)
        users.mkdir(exist_ok=True)
        me.touch()
    try:
        yield cluster
    finally:
        with cache.locked(lock):
            me.unlink()
            if not _present(users):
                lifecycle.down(name)


def _run() -> str:
    """A name for this run: one for all workers of pytest-xdist."""
    return os.environ.get("PYTEST_XDIST_TESTRUNUID", "")[:12] or f"{os.getpid()}"


def _owner() -> ProcessId:
    """The process that all users of the cluster have in common."""
    return processes.identify(os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid())


def _joined(name: str, users: Path) -> Cluster | None:
    """The cluster, unless nobody is there: a start that failed, or users that all were killed."""
    return Cluster(state.load(name)) if users.exists() and _present(users) else None


def _started(name: str, tier: str, options: Options, prepare: Callable[[Cluster], None]) -> Cluster:
    lifecycle.down(name)
    cluster = lifecycle.up(name, tier, options, owner=_owner())
    prepare(cluster)
    return cluster


def _present(users: Path) -> bool:
    return any(psutil.pid_exists(int(user.name.partition("-")[0])) for user in users.iterdir())
