"""The pytest side: running clusters for fixtures, and skips with a reason where a machine cannot run one.

With ``EVONAS_REQUIRE_ALL=1`` a missing tier fails instead of skipping, so that CI cannot pass by testing nothing.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from harness import lifecycle, processes
from harness.client import Cluster
from harness.errors import ClusterError, Unavailable
from harness.sharing import sharing
from harness.state import DEFAULTS, Options

_TIER_OF_MARKER = {
    "helm": "helm",
    "jobset": "jobset",
    "kstatus": "kstatus",
    "control_plane": "kwok",
    "kwok": "kwok",
    "kuberay": "kuberay",
    "kueue": "kueue",
    "node": "node",
    "prometheus": "prometheus",
    "trainer": "trainer",
    "trainer22": "trainer22",
}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what the collected tests need before the first starts: minutes when cold, more than a test may take."""
    if session.config.option.collectonly:
        return
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    markers = {marker.name for item in session.items for marker in item.iter_markers()}
    for tier in sorted({_TIER_OF_MARKER[marker] for marker in markers & _TIER_OF_MARKER.keys()}):
        # The fixture meets the same error and says it where it belongs.
        with suppress(ClusterError):
            lifecycle.prepare(tier, terminal.write_line if terminal else print)


@contextmanager
def running(tier: str, options: Options = DEFAULTS) -> Iterator[Cluster]:
    """A cluster for as long as the block lasts; it dies with this process, however that ends."""
    name = f"{tier}-{os.getpid()}-{secrets.token_hex(2)}"
    cluster = lifecycle.up(name, tier, options, owner=processes.current())
    try:
        yield cluster
    finally:
        lifecycle.down(name)


@contextmanager
def skipping() -> Iterator[None]:
    """Skip what this machine cannot run, and say why; fail where nothing may be skipped."""
    try:
        yield
    except Unavailable as error:
        if os.environ.get("EVONAS_REQUIRE_ALL") == "1":
            raise
        pytest.skip(str(error))


@contextmanager
def running_or_skipped(tier: str, *engines: str) -> Iterator[Cluster]:
    """What ``running`` does, for fixtures; with engines beside the tier.

    Those of a folder's conftest.py have the scope of that package: an idle control plane takes a sixth of a core from
    all tests that come after.
    """
    with ExitStack() as stack:
        with skipping():
            cluster = stack.enter_context(running(tier, Options(engines=engines)))
        yield cluster


@contextmanager
def shared_or_skipped(tier: str, prepare: Callable[[Cluster], None], *engines: str) -> Iterator[Cluster]:
    """A cluster that all workers of the run have together, for tests that harm nobody outside their namespaces.

    Without the default limits of controller-manager and scheduler, 20 requests a second, which several would wait for;
    and with trials that take as long as it takes to see them run.
    """
    with ExitStack() as stack:
        with skipping():
            options = Options(fast=True, kwok_trial_seconds=0.4, engines=engines)
            cluster = stack.enter_context(sharing(tier, options, prepare))
        yield cluster


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' tool, which checks and tests rules."""
    with skipping():
        return lifecycle.prepare("prometheus")["promtool"]
