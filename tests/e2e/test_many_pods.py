"""Trials of two pods that really train together, on a real node: processes that find each other by name, over gloo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evonas.search.names import REWARD_ANNOTATION, SEARCH_LABEL
from harness.client import Cluster
from tests.command_line import shell_of
from tests.e2e.installed import apply_example, change, follow, write_shorter
from tests.integration.searches import trials
from tests.shell_blocks import MANY_PODS, blocks_run_by, reader_folder

pytestmark = [pytest.mark.node, pytest.mark.jobset, pytest.mark.timeout(1500)]

BY_PAGE, BY_JOBSET = "digits-two-pods", "digits-jobset"
TRIALS = {BY_PAGE: 2, BY_JOBSET: 1}
"""Two that share a Service, and must not meet."""
RANK = "batch.kubernetes.io/job-completion-index"


@pytest.fixture(scope="module")
def enabled(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, whose operator runs JobSets for as long as these tests last."""
    # The harness gives JobSet a user of its own.
    change(cluster, "--set", "workloads.jobSet.enabled=true,workloads.jobSet.controllers={jobset}")
    yield cluster
    change(cluster)


def test_commands_of_the_page_run(enabled: Cluster, namespace: str, tmp_path: Path) -> None:
    """Two pods train each candidate together, and the first reports its accuracy: by Indexed Jobs, by JobSets."""
    # Side by side: most of their time is waiting for the node.
    for name, count in TRIALS.items():
        apply_example(enabled, f"{name}.yaml", namespace, trials=count)
    for name, count in TRIALS.items():
        follow(enabled, namespace, name, timeout=900)
        records = trials(enabled, namespace, name)
        assert len(records) == count
        for record in records:
            _assert_trained_by_two(enabled, namespace, record)

    shorter = write_shorter(f"{BY_PAGE}.yaml", tmp_path, trials=TRIALS[BY_PAGE])
    (block,) = blocks_run_by(MANY_PODS)
    text = block.text.replace(f"examples/{BY_PAGE}.yaml", str(shorter))
    said = block.run(reader_folder(tmp_path), shell_of(enabled, namespace, tmp_path), text)
    assert "hidden_size" in said


def _assert_trained_by_two(cluster: Cluster, namespace: str, record: dict[str, Any]) -> None:
    status = record["status"]
    assert status["state"] == "Succeeded"
    assert len(status["attempts"]) == 1, status["attempts"]
    assert float(status["reward"]) == float(status["metrics"]["accuracy"]) > 0.5
    # What the processes have counted, not what the manifest says.
    assert float(status["metrics"]["processes"]) == 2
    first, second = _pods_of(cluster, namespace, record)
    assert float(first["metadata"]["annotations"][REWARD_ANNOTATION]) == float(status["reward"])
    assert REWARD_ANNOTATION not in second["metadata"].get("annotations", {})
    assert status["attempts"][0]["pod"] == first["metadata"]["name"]


def _pods_of(cluster: Cluster, namespace: str, record: dict[str, Any]) -> list[dict[str, Any]]:
    labels = f"{SEARCH_LABEL}={record['spec']['searchRef']['name']},evonas.dev/trial={record['metadata']['name']}"
    return sorted(cluster.list("pods", namespace, labels), key=lambda pod: pod["metadata"]["labels"][RANK])
