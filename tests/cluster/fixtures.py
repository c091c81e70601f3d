"""The pytest side: running clusters as session fixtures, and skips with a reason where a machine cannot run one.

With ``EVONAS_REQUIRE_ALL=1`` a missing tier fails instead of skipping, so that CI cannot pass by testing nothing.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.cluster import lifecycle, processes
from tests.cluster.client import Cluster
from tests.cluster.errors import ClusterError, Unavailable
from tests.cluster.state import DEFAULTS, Options

StartCluster = Callable[..., Cluster]

_TIER_OF_MARKER = {
    "helm": "helm",
    "kstatus": "kstatus",
    "control_plane": "kwok",
    "kwok": "kwok",
    "kueue": "kueue",
    "node": "node",
    "prometheus": "prometheus",
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


@pytest.fixture(scope="session")
def start_cluster() -> Iterator[StartCluster]:
    """Start another cluster, with its own options, that lives until the session ends."""
    with ExitStack() as stack:

        def start(tier: str, options: Options = DEFAULTS) -> Cluster:
            with skipping():
                return stack.enter_context(running(tier, options))

        yield start


@contextmanager
def skipping() -> Iterator[None]:
    """Skip what this machine cannot run, and say why; fail where nothing may be skipped."""
    try:
        yield
    except Unavailable as error:
        if os.environ.get("EVONAS_REQUIRE_ALL") == "1":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def kwok_cluster(start_cluster: StartCluster) -> Cluster:
    """A control plane with a fake node of 5,000 GPUs (see ``tests.cluster.stages`` for what it does to a pod)."""
    return start_cluster("kwok")


@pytest.fixture(scope="session")
def kueue_cluster(start_cluster: StartCluster) -> Cluster:
    """Like ``kwok_cluster``, with Kueue; an instance of its own, so that its webhooks meet no other test's Jobs."""
    return start_cluster("kueue")


@pytest.fixture(scope="session")
def control_plane(kwok_cluster: Cluster) -> Cluster:
    """A control plane. The same instance as ``kwok_cluster``: only pods that tolerate the fake node notice it."""
    return kwok_cluster


@pytest.fixture(scope="session")
def node_cluster(start_cluster: StartCluster) -> Cluster:
    """A control plane and a node that runs containers, with four GPUs that exist on paper."""
    return start_cluster("node")


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' tool, which checks and tests rules."""
    with skipping():
        return lifecycle.prepare("prometheus")["promtool"]
