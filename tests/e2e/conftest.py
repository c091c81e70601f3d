"""One real node with the images and the operator in it, for all end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster import images
from tests.cluster.client import Cluster
from tests.e2e.installed import install


@pytest.fixture(scope="session")
def cluster(node_cluster: Cluster) -> Cluster:
    images.build()
    images.load(node_cluster.instance)
    install(node_cluster)
    return node_cluster


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    with cluster.namespace() as name:
        cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        yield name
