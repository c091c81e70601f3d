"""One recording for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.fixtures import shared_or_skipped
from tests.dashboards.scenario import Recording, recorded
from tests.operator_process import install


@pytest.fixture(scope="package")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    with (
        shared_or_skipped("kwok", install) as cluster,
        recorded(cluster, tmp_path_factory.mktemp("prometheus"), trials=30, seconds=1) as made,
    ):
        yield made
