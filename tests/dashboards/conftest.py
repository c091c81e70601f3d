"""One recording for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.client import Cluster
from tests.dashboards.scenario import Recording, recorded
from tests.operator_process import install


@pytest.fixture(scope="session")
def recording(kwok_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    install(kwok_cluster)
    with recorded(kwok_cluster, tmp_path_factory.mktemp("prometheus"), trials=30, seconds=1) as made:
        yield made
