"""A search with several objectives whose trials report what is odd: each has its outcome, and the front is theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from evonas.recorded.replay import Replay
from evonas.search.codec import from_object
from evonas.search.names import INDEX_LABEL, METRICS_ANNOTATION, REWARD_ANNOTATION
from evonas.search.totals import Totals
from evonas.spec import SearchSpec
from harness.client import Cluster
from harness.errors import CommandFailed
from tests.integration.searches import HELD, condition, trials, wait_until
from tests.operator_process import OperatorProcess, search

pytestmark = pytest.mark.kwok

OBJECTIVES = [
    {"metric": "accuracy"},
    {"metric": "latency_s", "goal": "Minimize"},
    {"metric": "operations", "goal": "Minimize"},
]
REPORTED = [
    '{"accuracy": 0.5, "latency_s": 4e-9, "operations": 3e12}',
    '{"accuracy": 0.5, "latency_s": 4e-9, "operations": 3e12}',
    '{"accuracy": 0.9, "operations": 1e12}',
    '{"accuracy": 0.9, "latency_s": NaN, "operations": 1e12}',
    '{"accuracy": 0.25, "latency_s": 7e-9, "operations": 4e12}',
    '{"accuracy": 0.3, "latency_s": 6e-9, "operations": 1e12}',
]
"""By the trial's index."""


def test_odd_reports_of_several_objectives_have_an_outcome_each_and_leave_the_front_to_the_rest(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Callable[[dict[str, Any]], None]
) -> None:
    budget = {"maxTrials": len(REPORTED), "parallelTrials": 2}
    body = search("odd", agent={"type": "EvoNAS"}, objectives=OBJECTIVES, budget=budget)
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": HELD}
    apply(body)

    def report() -> None:
        for pod in cluster.list("pods", namespace):
            metadata = pod["metadata"]
            if REWARD_ANNOTATION not in metadata.get("annotations", {}):
                said = {REWARD_ANNOTATION: "0.5", METRICS_ANNOTATION: REPORTED[int(metadata["labels"][INDEX_LABEL])]}
                # It may be gone by now.
                with suppress(CommandFailed):
                    cluster.annotate("pod", metadata["name"], namespace, said)

    found = wait_until(cluster, namespace, "odd", "Complete", meanwhile=report)
    records = [from_object(each) for each in trials(cluster, namespace)]
    outcomes = [(trial.state.value, trial.reason) for trial in records]
    assert (
        outcomes
        == [("Succeeded", "")] * 2
        + [("Failed", "MetricMissing"), ("Failed", "InvalidReward")]
        + [("Succeeded", "")] * 2
    )
    assert "no metric 'latency_s'" in records[2].message
    assert "'latency_s'" in records[3].message

    front, spec = found["status"]["front"], SearchSpec.parse(body)
    first = min(records[:2], key=lambda trial: trial.sequence or 0)
    assert [member["index"] for member in front["members"]] == [first.index, 5]
    assert front["members"][0]["values"] == {"accuracy": "0.5", "latency_s": "4e-09", "operations": "3000000000000.0"}
    assert front["reference"] == {"accuracy": "0.25", "latency_s": "7e-09", "operations": "4000000000000.0"}
    assert float(front["hypervolume"]) == Totals(spec.objectives, records).front.hypervolume > 0
    assert "best" not in found["status"]
    assert condition(found, "Complete")["status"] == "True"
    assert len(json.dumps(found["status"])) < 8192
    assert {difference for _, difference in Replay(spec, records).run()} == {None}
