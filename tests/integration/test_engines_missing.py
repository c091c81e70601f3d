"""Kinds of workload that an operator does not run, and one whose engine is installed after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import jobset as engine
from harness import lifecycle
from harness.client import Cluster
from harness.fixtures import running_or_skipped
from tests.integration.searches import HELD, assert_results, condition, trials, wait_until
from tests.integration.workloads import all_running, jobset
from tests.operator_process import OperatorProcess, install

pytestmark = [pytest.mark.kwok, pytest.mark.jobset]
TWO = {"driver": 1, "worker": 1}
BOTH_HELD = {"driver": HELD, "worker": HELD}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of its own, which no engine runs beside."""
    with running_or_skipped("kwok") as started:
        install(started)
        yield started


def test_kind_that_is_not_enabled_is_refused_with_the_cure(
    cluster: Cluster, namespace: str, operator: OperatorProcess
) -> None:
    cluster.apply(yaml.safe_dump(jobset("refused", TWO)), namespace)
    found = _accepted(cluster, namespace, "refused", "WorkloadNotEnabled")
    assert "--set workloads.jobSet.enabled=true" in found["message"]
    assert "evonas operator --workload JobSet" in found["message"]
    assert not trials(cluster, namespace)


def test_search_starts_once_its_engine_is_installed_and_is_refused_once_that_is_gone_without_a_restart_of_the_operator(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    install(cluster, "jobset")
    operator = OperatorProcess(
        cluster, tmp_path / "operator.log", [namespace], cold=False, options=("--workload", "JobSet")
    )
    operator.start()
    budget = {"maxTrials": 2, "parallelTrials": 2}
    cluster.apply(yaml.safe_dump(jobset("early", TWO, budget=budget)), namespace)
    found = _accepted(cluster, namespace, "early", "WorkloadNotServed")
    assert "install JobSet" in found["message"]
    engine.start(cluster.instance, lifecycle.prepare("jobset"))
    wait_until(cluster, namespace, "early", "Complete")
    assert_results(cluster, namespace, "early", 2)
    cluster.apply(yaml.safe_dump(jobset("late", TWO, annotations=BOTH_HELD, budget=budget)), namespace)
    all_running(cluster, namespace, budget["parallelTrials"] * sum(TWO.values()))
    cluster.kubectl("delete", "crd", "jobsets.jobset.x-k8s.io")
    _accepted(cluster, namespace, "late", "WorkloadNotServed")
    assert operator.stop() == 0, operator.log


def _accepted(cluster: Cluster, namespace: str, name: str, reason: str) -> dict[str, Any]:
    def told() -> dict[str, Any] | None:
        found = condition(cluster.get("nas", name, namespace), "Accepted")
        return found if (found.get("status"), found.get("reason")) == ("False", reason) else None

    found = cluster.wait_for(f"{reason} of {name}", told)
    assert found is not None
    return found
