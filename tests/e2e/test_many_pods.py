"""Trials of two pods that really train together, on a real node: processes that find each other by name, over gloo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from evonas.search.names import REWARD_ANNOTATION, SEARCH_LABEL
from harness.client import Cluster
from tests.e2e.installed import apply_example, change, follow
from tests.integration.searches import trials

pytestmark = [pytest.mark.node, pytest.mark.jobset, pytest.mark.timeout(900)]

EXAMPLES = ("digits-two-pods", "digits-jobset")
TRIALS = 2
RANK = "batch.kubernetes.io/job-completion-index"


@pytest.fixture(scope="module")
def enabled(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, whose operator runs JobSets for as long as these tests last."""
    # The harness gives JobSet a user of its own.
    change(cluster, "--set", "workloads.jobSet.enabled=true,workloads.jobSet.controllers={jobset}")
    yield cluster
    change(cluster)


def test_two_pods_train_each_candidate_together_and_the_first_reports_its_accuracy(
    enabled: Cluster, namespace: str
) -> None:
    for name in EXAMPLES:
        # Side by side: most of their time is waiting for the node.
        apply_example(enabled, f"{name}.yaml", namespace, trials=TRIALS)
    for name in EXAMPLES:
        follow(enabled, namespace, name, timeout=600)
        records = trials(enabled, namespace, name)
        assert len(records) == TRIALS
        for record in records:
            status = record["status"]
            assert status["state"] == "Succeeded"
            assert float(status["reward"]) == float(status["metrics"]["accuracy"]) > 0.5
            # What the processes have counted, not what the manifest says.
            assert float(status["metrics"]["processes"]) == 2
            first, second = _pods_of(enabled, namespace, record)
            assert float(first["metadata"]["annotations"][REWARD_ANNOTATION]) == float(status["reward"])
            assert REWARD_ANNOTATION not in second["metadata"]["annotations"]
            assert status["attempts"][-1]["pod"] == first["metadata"]["name"]


def _pods_of(cluster: Cluster, namespace: str, record: dict[str, Any]) -> list[dict[str, Any]]:
    labels = f"{SEARCH_LABEL}={record['spec']['searchRef']['name']},evonas.dev/trial={record['metadata']['name']}"
    return sorted(cluster.list("pods", namespace, labels), key=lambda pod: pod["metadata"]["labels"][RANK])
