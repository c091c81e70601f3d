"""Clusters with nothing in them, on trial themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.client import Cluster
from harness.fixtures import running_or_skipped


@pytest.fixture(scope="package")
def kwok_cluster() -> Iterator[Cluster]:
    """A control plane with a fake node of 5,000 GPUs (see ``harness.stages`` for what it does to a pod)."""
    with running_or_skipped("kwok") as cluster:
        yield cluster


@pytest.fixture(scope="package")
def control_plane(kwok_cluster: Cluster) -> Cluster:
    """A control plane. The same instance as ``kwok_cluster``: only pods that tolerate the fake node notice it."""
    return kwok_cluster


@pytest.fixture(scope="package")
def node_cluster() -> Iterator[Cluster]:
    """A control plane and a node that runs containers, with four GPUs that exist on paper."""
    with running_or_skipped("node") as cluster:
        yield cluster
