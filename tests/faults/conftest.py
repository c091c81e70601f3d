"""A control plane of their own for the tests of faults: they end its API server, and leave hundreds of namespaces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.cluster.client import Cluster
from tests.cluster.fixtures import running_or_skipped
from tests.faults.chronicle import Chronicle
from tests.operator_process import install


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    with running_or_skipped("kwok") as started:
        install(started)
        yield started


@pytest_asyncio.fixture
async def chronicle(cluster: Cluster) -> AsyncIterator[Chronicle]:
    """Everything that happens on the cluster during the test."""
    async with Chronicle(cluster) as watching:
        yield watching
