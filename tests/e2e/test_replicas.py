"""Two replicas of the installed operator, and a rollout in the middle of a search."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.client import Cluster
from tests.chart.rendering import NAMESPACE
from tests.e2e.installed import apply_example, follow
from tests.integration.searches import assert_sound, finished

pytestmark = [pytest.mark.node, pytest.mark.timeout(900)]

DEPLOYMENT = "deployment/evonas-operator"
TRIALS = 20


@pytest.fixture
def replicas(cluster: Cluster) -> Iterator[None]:
    _scale(cluster, 2)
    yield
    _scale(cluster, 1)


def test_a_rollout_of_two_replicas_leaves_a_search_sound(cluster: Cluster, namespace: str, replicas: None) -> None:
    # After an earlier change of the release, the Lease may still name a pod that is gone.
    cluster.wait_for("a holder", lambda: _holder(cluster) in _pods(cluster))
    pods = _pods(cluster)
    apply_example(cluster, "counting.yaml", namespace, trials=TRIALS)
    cluster.wait_for("some results", lambda: finished(cluster, namespace) >= 4, 120)
    cluster.kubectl("rollout", "restart", DEPLOYMENT, "-n", NAMESPACE)
    cluster.kubectl("rollout", "status", DEPLOYMENT, "-n", NAMESPACE, "--timeout=180s")
    cluster.wait_for("a holder of the new pods", lambda: _holder(cluster) not in {"", *pods})
    follow(cluster, namespace, "counting", timeout=400)
    assert_sound(cluster, namespace, "counting", TRIALS)
    restarts = [
        status["restartCount"]
        for pod in cluster.list("pods", NAMESPACE)
        for status in pod["status"]["containerStatuses"]
    ]
    assert sum(restarts) == 0


def _scale(cluster: Cluster, count: int) -> None:
    cluster.kubectl("scale", DEPLOYMENT, "-n", NAMESPACE, f"--replicas={count}")
    cluster.kubectl("rollout", "status", DEPLOYMENT, "-n", NAMESPACE, "--timeout=180s")


def _holder(cluster: Cluster) -> str:
    return str(cluster.get("lease", "evonas-operator", NAMESPACE)["spec"].get("holderIdentity", ""))


def _pods(cluster: Cluster) -> set[str]:
    return {pod["metadata"]["name"] for pod in cluster.list("pods", NAMESPACE)}
