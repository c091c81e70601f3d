"""A control plane, with watches of its own for those who judge what happened on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from harness.client import Cluster
from harness.fixtures import shared_or_skipped
from tests.faults.chronicle import Chronicle
from tests.faults.field import Field
from tests.operator_process import install


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    with shared_or_skipped("kwok", install, "jobset") as started:
        yield started


@pytest_asyncio.fixture
async def chronicle(cluster: Cluster) -> AsyncIterator[Chronicle]:
    """Everything that happens on the cluster during the test."""
    async with Chronicle(cluster) as watching:
        yield watching


@pytest.fixture
def field(cluster: Cluster, chronicle: Chronicle, tmp_path: Path) -> Field:
    """Where faults are tried."""
    return Field(cluster, chronicle, tmp_path)
