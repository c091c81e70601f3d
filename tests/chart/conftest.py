"""A control plane of the chart's own: other tests install the CRDs without Helm, and must not meet its policies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from harness import binaries, lifecycle
from harness.client import Cluster
from harness.fixtures import running_or_skipped, skipping

NAMESPACES = ("evonas-system", "team-a", "team-b", "monitoring")


@pytest.fixture(scope="session", autouse=True)
def helm() -> None:
    """Skip where Helm cannot be had."""
    with skipping():
        lifecycle.prepare("helm")


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """A control plane with Prometheus Operator's CRDs and the namespaces of the value sets, all of them restricted."""
    with running_or_skipped("kwok") as started:
        _prepare(started)
        yield started


def _prepare(cluster: Cluster) -> None:
    folder = binaries.source("prometheus-operator", "github.com/prometheus-operator/prometheus-operator")
    for plural in ("servicemonitors", "podmonitors", "prometheusrules"):
        path = folder / "example" / "prometheus-operator-crd" / f"monitoring.coreos.com_{plural}.yaml"
        cluster.apply(path.read_text())
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    manifests = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": label}} for name in NAMESPACES
    ]
    cluster.apply(yaml.safe_dump_all(manifests))
