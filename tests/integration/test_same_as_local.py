"""One manifest, one seed: the local run and the cluster propose the same candidates when trials report in one order."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.search.codec import from_object
from evonas.search.names import TRIAL_LABEL
from evonas.search.totals import Totals
from evonas.spec import SearchSpec
from evonas_trial.counting import learned, score
from harness.client import Cluster
from harness.errors import ClusterError
from tests.earlier import KEY, NAME, export_of
from tests.integration.searches import trials, wait_until
from tests.operator_process import OperatorProcess, search

pytestmark = pytest.mark.kwok
PATIENT = """
import json, os, sys, time
from pathlib import Path
from evonas_trial import report
from evonas_trial.counting import learned, score, sequence_of

def is_recorded(step):
    *lines, _ = Path(sys.argv[1]).read_text().split("\\n")
    mine = [body for body in map(json.loads, lines) if body["spec"].get("index") == int(os.environ["EVONAS_INDEX"])]
    status = mine[-1].get("status", {})
    return status.get("state") == "Running" and step in [rung["step"] for rung in status.get("rungs", ())]

sequence = sequence_of(report.decisions())
reward, size = score(sequence), sum(sequence)
*rungs, last = report.rungs() or [1]
for step in rungs:
    so_far = reward * learned(step, last)
    report.progress(step, last, reward=so_far, accuracy=so_far, size=size)
    while not is_recorded(step):
        time.sleep(0.01)
report.reward(reward, {"accuracy": reward, "size": size})
"""
"""`counting` that goes on from a rung when it is recorded: what has ended before it is stopped is not stopped. It has a
size, too.
"""

RUNGS = {"rungs": {"min": 1, "max": 9, "factor": 2}}
OBJECTIVES = [{"metric": "accuracy"}, {"metric": "size", "goal": "Minimize"}]


@pytest.mark.parametrize(
    ("agent", "count", "fields"),
    [
        ("EvoNAS", 20, {}),
        ("Evolution", 20, {}),
        ("EvoNAS", 12, {"fidelity": RUNGS}),
        ("EvoNAS", 12, {"fidelity": {**RUNGS, "mode": "Pause"}}),
        ("EvoNAS", 12, {"knowledge": {"configMaps": [{"name": NAME, "key": KEY}]}}),
        ("EvoNAS", 12, {"objectives": OBJECTIVES}),
        ("Evolution", 12, {"objectives": OBJECTIVES, "fidelity": RUNGS}),
    ],
    ids=["EvoNAS", "Evolution", "rungs", "pauses", "knowledge", "objectives", "objectives and rungs"],
)
def test_local_and_cluster_propose_the_same(
    cluster: Cluster,
    namespace: str,
    operator: OperatorProcess,
    apply: Callable[[dict[str, Any]], None],
    tmp_path: Path,
    agent: str,
    count: int,
    fields: dict[str, Any],
) -> None:
    budget = {"maxTrials": count, "parallelTrials": 1}
    journal = tmp_path / "runs" / "same" / "journal.jsonl"
    pauses = fields.get("fidelity", {}).get("mode") == "Pause"
    is_patient = "objectives" in fields or ("fidelity" in fields and not pauses)
    container = {"command": ["python", "-c", PATIENT, str(journal)]} if is_patient else None
    body = search("same", agent={"type": agent, "seed": 11}, budget=budget, container=container, **fields)
    manifest = tmp_path / "search.yaml"
    manifest.write_text(yaml.safe_dump(body))
    command = [sys.executable, "-m", "evonas", "run", str(manifest), "--runs", str(tmp_path / "runs")]
    if "knowledge" in fields:
        earlier = export_of(8)
        apply(earlier)
        (tmp_path / "earlier.jsonl").write_text(earlier["data"][KEY])
        command += ["--knowledge", str(tmp_path / "earlier.jsonl")]
    subprocess.run(command, check=True, capture_output=True)

    body["spec"]["trial"]["template"]["metadata"] = {"annotations": {"evonas-test/duration": "1h"}}
    with _Reporter(cluster, namespace, has_size="objectives" in fields):
        apply(body)
        wait_until(cluster, namespace, "same", "Complete")

    local = _journal(journal)
    remote = trials(cluster, namespace)
    assert len(remote) == count
    for mine, theirs in zip(local, remote, strict=True):
        assert mine["spec"]["decisions"] == theirs["spec"]["decisions"]
        assert mine["spec"]["proposal"] == theirs["spec"]["proposal"]
        for field in ("state", "reason", "message", "reward", "rungs", "sequence"):
            assert mine["status"].get(field) == theirs["status"].get(field)
    if "objectives" in fields:
        _assert_same_front(body, local, cluster.get("nas", "same", namespace)["status"]["front"])


def _assert_same_front(body: dict[str, Any], local: list[dict[str, Any]], remote: dict[str, Any]) -> None:
    front = Totals(SearchSpec.parse(body).objectives, map(from_object, local)).front
    told = [
        (member["index"], tuple(float(member["values"][objective["metric"]]) for objective in OBJECTIVES))
        for member in remote["members"]
    ]
    assert told == [(member.index, values) for member, values in zip(front.members, front.values, strict=True)]
    assert (remote["size"], float(remote["hypervolume"])) == (len(front), front.hypervolume)
    assert len(front) > 1


def _journal(path: Path) -> list[dict[str, Any]]:
    bodies = [json.loads(line) for line in path.read_text().splitlines()]
    latest = {body["spec"]["index"]: body for body in bodies if body["kind"] == "ArchitectureTrial"}
    return [latest[index] for index in sorted(latest)]


class _Reporter:
    """Stands in for the trials on the fake node: annotates each pod with what `counting` would have reported, rung by
    rung where there are some, each when the one before is recorded."""

    def __init__(self, cluster: Cluster, namespace: str, *, has_size: bool) -> None:
        """With ``has_size``, they report accuracy and size, too."""
        self._cluster, self._has_size = cluster, has_size
        self._namespace = namespace
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            # A pod may be deleted between being listed and reporting, and a busy API server may not answer.
            with suppress(ClusterError):
                self._report_all()

    def _report_all(self) -> None:
        recorded = {
            body["metadata"]["name"]: body["status"]
            for body in trials(self._cluster, self._namespace)
            if body.get("status", {}).get("state") == "Running"
        }
        for pod in self._cluster.list("pods", self._namespace):
            status = recorded.get(pod["metadata"]["labels"][TRIAL_LABEL])
            if status is None or "evonas.dev/reward" in pod["metadata"].get("annotations", {}):
                continue
            variables = {item["name"]: item.get("value") for item in pod["spec"]["containers"][0]["env"]}
            decisions = json.loads(variables["EVONAS_DECISIONS"])
            sequence = [decisions[f"a{position}"] for position in (1, 2, 3)]
            reward = score(sequence)
            *rungs, last = (int(step) for step in (variables.get("EVONAS_RUNGS") or "1").split(","))
            if until := variables.get("EVONAS_UNTIL"):
                rungs, reward = [], reward * learned(int(until), last)
            values = {step: self._metrics(sequence, reward * learned(step, last)) for step in rungs}
            known = json.loads(pod["metadata"].get("annotations", {}).get("evonas.dev/progress", '{"step": 0}'))
            if known["step"] not in (0, *(rung["step"] for rung in status.get("rungs", ()))):
                continue
            step = next((step for step in rungs if step > known["step"]), None)
            report = {"evonas.dev/reward": repr(reward)}
            if self._has_size:
                report["evonas.dev/metrics"] = json.dumps(self._metrics(sequence, reward))
            if step is not None:
                reached = {rung: value for rung, value in values.items() if rung <= step}
                report = {"evonas.dev/progress": json.dumps({"step": step, "rungs": reached})}
            name = pod["metadata"]["name"]
            self._cluster.annotate("pod", name, self._namespace, report)

    def _metrics(self, sequence: list[int], reward: float) -> dict[str, float]:
        return {"reward": reward, **({"accuracy": reward, "size": sum(sequence)} if self._has_size else {})}
