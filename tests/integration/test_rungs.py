"""A search with rungs on a real API server: what is stopped is no failure, is told, printed, counted and cleaned up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.client import Cluster
from tests.integration.searches import (
    change,
    condition,
    events_of,
    trials,
    wait_until,
    worse_and_worse,
)
from tests.operator_process import OperatorProcess, search

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]


HANGING = {"evonas-test/outcome": "hang"}


def _search(name: str, annotations: dict[str, str], *, rule: str = "SuccessiveHalving", **spec: Any) -> dict[str, Any]:
    body = search(name, fidelity={"rungs": {"min": 1, "max": 4, "factor": 2}, "rule": rule}, **spec)
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": {"evonas-test/duration": "300ms", **annotations}}
    return body


def _records_with_rungs(cluster: Cluster, namespace: str, rungs: int) -> list[dict[str, Any]]:
    return [body for body in trials(cluster, namespace) if len(body.get("status", {}).get("rungs", ())) == rungs]


def test_stopped_trials_are_no_failures_and_are_told_printed_counted_and_cleaned_up(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    # The first one alone is trained to its end.
    annotations, listed = worse_and_worse(8, patient=7)
    budget = {"maxTrials": 8, "parallelTrials": 1, "maxFailedTrials": 1}
    trial = {"ttlSecondsAfterFinished": 2}
    apply(_search("climbing", annotations, budget=budget, trial=trial, warmStart={"candidates": listed}))
    body = wait_until(cluster, namespace, "climbing", "Complete")
    assert condition(body, "Complete")["reason"] == "MaxTrialsReached"
    records = trials(cluster, namespace)
    stopped = [record for record in records if record["status"]["state"] == "Stopped"]
    assert {record["status"]["state"] for record in records} == {"Stopped", "Succeeded"}
    assert len(stopped) == 7
    assert body["status"]["trials"]["stopped"] == len(stopped)
    assert body["status"]["trials"]["succeeded"] == 8 - len(stopped)
    assert body["status"]["best"]["index"] == 0
    for record in stopped:
        status = record["status"]
        assert status["reason"] == "SuccessiveHalving"
        assert " at step " in status["message"]
        assert "reward" not in status
        assert status["sequence"] == status["rungs"][-1]["sequence"]
        assert status["gpuSeconds"] >= 1

    cluster.wait_for("no pod or Job", lambda: not cluster.list("pods", namespace) + cluster.list("jobs", namespace))
    told = {
        event["message"].split()[1]: event["type"]
        for event in events_of(cluster, namespace, "TrialStopped", len(stopped))
    }
    assert told == {record["metadata"]["name"]: "Normal" for record in stopped}
    header, *lines = cluster.kubectl("get", "nastrial", "-n", namespace).splitlines()
    rung = header.index("RUNG")
    assert [line[rung:].split()[0] for line in lines] == [str(r["status"]["rungs"][-1]["step"]) for r in records]
    metrics = operator.ask("/metrics")[1]
    assert (
        f'evonas_trials_total{{namespace="{namespace}",outcome="Stopped",search="climbing"}} {len(stopped)}.0'
        in metrics
    )
    cluster.wait_for(
        "the time of every stop",
        lambda: f"evonas_stop_seconds_count {len(stopped)}.0" in operator.ask("/metrics")[1],
    )


def test_cancelled_trials_keep_their_rungs_and_have_no_result(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    budget = {"maxTrials": 20, "parallelTrials": 3, "maxSeconds": 3600}
    apply(_search("cut", HANGING, rule="None", budget=budget, onComplete="Cancel"))
    cluster.wait_for("all rungs of three trials", lambda: len(_records_with_rungs(cluster, namespace, 2)) == 3)
    change(cluster, namespace, "cut", {"budget": {"maxSeconds": 1}})
    found = wait_until(cluster, namespace, "cut", "Failed")
    assert found["status"]["trials"]["cancelled"] == 3
    cluster.wait_for("no pod", lambda: not cluster.list("pods", namespace))
    records = trials(cluster, namespace)
    assert all([rung["step"] for rung in record["status"]["rungs"]] == [1, 2] for record in records)
    assert all("sequence" not in record["status"] for record in records)
    places = sorted(rung["sequence"] for record in records for rung in record["status"]["rungs"])
    assert places == [1, 2, 3, 4, 5, 6]


def test_a_veto_at_a_rung_stops_what_was_to_go_on(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(_search("vetoed", HANGING, rule="None", budget={"maxTrials": 2, "parallelTrials": 1}))
    for index in (0, 1):
        cluster.wait_for(
            "its rungs",
            lambda index=index: len(_records_with_rungs(cluster, namespace, 2)) == index + 1,  # type: ignore[misc]
        )
        cluster.annotate("nas", "vetoed", namespace, {f"evonas.dev/veto-{index}": "too large"})
    wait_until(cluster, namespace, "vetoed", "Failed")
    status = [record["status"] for record in trials(cluster, namespace)]
    assert [(item["state"], item["reason"]) for item in status] == [("Infeasible", "Vetoed")] * 2
    assert [item["sequence"] for item in status] == [3, 6]
