"""A control plane with the CRDs, a namespace and an operator of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.client import Cluster
from harness.fixtures import shared_or_skipped
from tests.operator_process import OperatorProcess, install


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    with shared_or_skipped("kwok", install) as started:
        yield started


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    with cluster.namespace(kept=True) as name:
        yield name


@pytest.fixture
def operator(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator for this namespace, started; the test may kill and start it."""
    process = OperatorProcess(cluster, tmp_path / "operator.log", [namespace], cold=False)
    process.start()
    yield process
    assert process.stop() == 0, process.log


@pytest.fixture
def apply(cluster: Cluster, namespace: str) -> Callable[[dict[str, Any]], None]:
    """Apply a manifest in the test's namespace."""

    def apply(manifest: dict[str, Any]) -> None:
        cluster.apply(yaml.safe_dump(manifest), namespace)

    return apply
