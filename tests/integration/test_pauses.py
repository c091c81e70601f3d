"""A search whose trials pause at rungs on a real API server: what people see of it, what ends it, who goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.client import Cluster
from tests.integration.searches import (
    change,
    condition,
    events_of,
    states,
    trials,
    wait_for_release,
    wait_until,
    worse_and_worse,
)
from tests.operator_process import OperatorProcess, search

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]

TTL, TTL_OF_FAILURES = 3600, 7200


def _search(name: str, count: int, steps: list[int], **spec: Any) -> dict[str, Any]:
    """Return a search of so many trials, one at a time unless ``spec`` says otherwise, each worse than those before."""
    _, listed = worse_and_worse(6, patient=0)
    fields: dict[str, Any] = {
        "fidelity": {"rungs": {"steps": steps, "factor": 2}, "mode": "Pause"},
        "budget": {"maxTrials": count, "parallelTrials": 1},
        "trial": {"ttlSecondsAfterFinished": TTL, "ttlSecondsAfterFailed": TTL_OF_FAILURES},
        "warmStart": {"candidates": listed},
    }
    body = search(name, **fields | spec)
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": {"evonas-test/duration": "100ms"}}
    return body


def test_pauses_are_no_failures_are_told_printed_and_released_as_successes_are(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(_search("pausing", 4, [1, 2, 4]))
    body = wait_until(cluster, namespace, "pausing", "Complete")
    assert condition(body, "Complete")["reason"] == "MaxTrialsReached"
    assert states(cluster, namespace) == ["Succeeded", "Paused", "Paused", "Paused"]
    counts = body["status"]["trials"]
    assert (counts["total"], counts["succeeded"], counts["paused"], counts["failed"]) == (4, 1, 3, 0)
    assert body["status"]["best"]["index"] == 0
    records = trials(cluster, namespace)
    names = [record["metadata"]["name"] for record in records]
    assert [[rung["step"] for rung in record["status"]["rungs"]] for record in records] == [[1, 2], [1, 2], [1], [1]]
    for record in records[1:]:
        assert "reward" not in record["status"]
        assert "conditions" not in record["status"]
        assert {attempt["reason"] for attempt in record["status"]["attempts"]} == {"Paused"}
    wait_for_release(cluster, namespace)
    assert {
        job["metadata"]["name"]: job["spec"]["ttlSecondsAfterFinished"] for job in cluster.list("jobs", namespace)
    } == {
        f"{name}-a{number}": TTL
        for name, attempts in zip(names, (3, 2, 1, 1), strict=True)
        for number in range(1, attempts + 1)
    }
    promoted = [event["message"].split()[1] for event in events_of(cluster, namespace, "TrialPromoted", 3)]
    assert sorted(promoted) == sorted([names[0], names[0], names[1]])
    header, *lines = cluster.kubectl("get", "nastrial", "-n", namespace).splitlines()
    columns = [header.index(column) for column in ("STATE", "RUNG")]
    assert [[line[column:].split()[0] for column in columns] for line in lines] == [
        ["Succeeded", "2"],
        ["Paused", "2"],
        ["Paused", "1"],
        ["Paused", "1"],
    ]


def test_paused_trials_go_on_when_there_are_more_except_one_that_is_vetoed(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(_search("growing", 3, [1, 4]))
    wait_until(cluster, namespace, "growing", "Complete")
    assert states(cluster, namespace) == ["Succeeded", "Paused", "Paused"]
    cluster.annotate("nas", "growing", namespace, {"evonas.dev/veto-1": "too large"})
    cluster.wait_for("the veto", lambda: states(cluster, namespace) == ["Succeeded", "Infeasible", "Paused"])
    vetoed = trials(cluster, namespace)[1]["status"]
    assert (vetoed["reason"], vetoed["sequence"], len(vetoed["attempts"])) == ("Vetoed", 5, 1)

    change(cluster, namespace, "growing", {"budget": {"maxTrials": 6}})
    # Of six, three go on: the two of before and the third.
    wait_until(cluster, namespace, "growing", "Complete")
    assert states(cluster, namespace) == ["Succeeded", "Infeasible", "Succeeded", "Paused", "Paused", "Paused"]
    records = [record["status"] for record in trials(cluster, namespace)]
    assert records[1] == vetoed
    assert [rung["promotedAfter"] for rung in records[2]["rungs"]] == [8]
    places = [rung["sequence"] for record in records for rung in record["rungs"]]
    places += [record["sequence"] for record in records if "sequence" in record]
    assert sorted(places) == list(range(1, 10))


def test_search_that_reaches_its_target_cancels_what_runs_and_leaves_paused_what_is(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = _search(
        "early",
        5,
        [1, 4],
        objective={"target": 0.33},
        budget={"maxTrials": 5, "parallelTrials": 2},
        onComplete="Cancel",
    )
    body["spec"]["trial"]["template"]["metadata"]["annotations"]["evonas-test/outcome-2-1"] = "hang"
    apply(body)
    found = wait_until(cluster, namespace, "early", "Complete")
    assert condition(found, "Complete")["reason"] == "TargetReached"
    assert states(cluster, namespace) == ["Succeeded", "Paused", "Cancelled"]
    assert found["status"]["trials"]["paused"] == 1
