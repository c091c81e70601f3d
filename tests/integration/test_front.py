"""A search with several objectives on a real control plane: what its status has instead of a best trial, that all of
it is there after the API server has checked it, and what is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from evonas.search.codec import from_object
from evonas.search.front import Front
from evonas.spec import SearchSpec
from harness.client import Cluster
from tests.integration.searches import condition, trials, wait_until
from tests.operator_process import OperatorProcess, search

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]

BOTH: list[dict[str, Any]] = [{"metric": "accuracy"}, {"metric": "latency_ms", "goal": "Minimize"}]


def two_objectives(name: str, objectives: list[dict[str, Any]] = BOTH, **spec: Any) -> dict[str, Any]:
    body = search(name, objectives=objectives, **spec)
    annotations = {"evonas-test/duration": "300ms", "evonas-test/metrics": "yes"}
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": annotations}
    return body


def test_status_has_the_front_and_its_members_are_confirmed(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(two_objectives("pair", confirm={"top": 2, "repeats": 2}))
    body = wait_until(cluster, namespace, "pair", "Complete")
    status = body["status"]
    spec = SearchSpec.parse({key: body[key] for key in ("apiVersion", "kind", "metadata", "spec")})
    records = [from_object(record) for record in trials(cluster, namespace)]
    front = Front(spec.objectives)
    for trial in records:
        if not trial.is_confirmation:
            front.add(trial)
    assert not {"best", "recommended"} & status.keys()
    assert status["front"]["size"] == len(front)
    assert float(status["front"]["hypervolume"]) == front.hypervolume
    assert [member["index"] for member in status["front"]["members"]] == [member.index for member in front.members]
    for member, values in zip(status["front"]["members"], front.values, strict=True):
        assert (float(member["values"]["accuracy"]), float(member["values"]["latency_ms"])) == values
    assert set(status["front"]["reference"]) == {"accuracy", "latency_ms"}
    confirmed = status["confirmed"]
    assert [item["index"] for item in confirmed] == [member.index for member in front.most_valuable(2)]
    for item in confirmed:
        assert (item["runs"], set(item["means"])) == (2, {"accuracy", "latency_ms"})
        # The pods of a candidate all report the same.
        assert {float(value) for value in item["standardDeviations"].values()} == {0.0}
    latest = front.latest
    assert latest is not None
    assert latest.completion_time is not None
    assert status["lastImprovement"] == latest.completion_time.strftime("%Y-%m-%dT%H:%M:%SZ")
    header, row = cluster.kubectl("get", "nas/pair", "-o", "wide", f"--namespace={namespace}").splitlines()
    assert header.split().index("FRONT") == header.split().index("BEST") + 1
    shown = row[header.index("FRONT") : header.index("HYPERVOLUME")].strip()
    assert shown == str(len(front))
    assert row[header.index("HYPERVOLUME") :].startswith(status["front"]["hypervolume"])


def test_a_search_with_nothing_as_good_as_its_references_has_failed(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(two_objectives("vain", [{**BOTH[0], "reference": 2}, BOTH[1]], budget={"maxTrials": 4}))
    body = wait_until(cluster, namespace, "vain", "Failed")
    failed = condition(body, "Failed")
    assert failed["reason"] == "FrontEmpty"
    assert failed["message"].startswith("no trial is as good as every reference: best accuracy 0.")
    assert (body["status"]["front"]["size"], body["status"]["front"]["members"]) == (0, [])


def test_a_metric_that_some_trial_lacks_fails_that_trial_by_name(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    objectives = [*BOTH, {"metric": "size", "goal": "Minimize"}]
    apply(two_objectives("short", objectives, budget={"maxTrials": 2, "parallelTrials": 2}))
    body = wait_until(cluster, namespace, "short", "Failed")
    assert condition(body, "Failed")["reason"] == "NoTrialSucceeded"
    for record in trials(cluster, namespace):
        assert record["status"]["reason"] == "MetricMissing"
        assert "the trial reported no metric 'size', only accuracy, latency_ms" in record["status"]["message"]
