"""What the dashboards are shown: searches that learn, fail, and stall, and an operator that meets an error.

Everything happens on a real API server; a real Prometheus scrapes the operator all the while.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.client import Cluster
from harness.errors import CommandFailed
from harness.prometheus import Prometheus, scraping
from harness.waiting import wait_for
from tests.dashboards.boards import RULES
from tests.integration.searches import change
from tests.operator_process import OperatorProcess, search

NAME, PAUSING, WITH_FRONT = "cnn", "asr", "edge"
"""The search that the Search dashboard shows, one whose trials pause, and one with two objectives."""
OPERATORS_NAMESPACE = "evonas-system"
_LATE_TRIALS = 4
"""That the main search only then has, when nothing can be recorded."""
_FAILURES = {"3-1": "fail", "6-1": "silent", "11-1": "silent", "17-1": "infeasible", "23-1": "fail"}


@dataclass(frozen=True)
class Recording:
    """A Prometheus that has seen it, and from when to when."""

    prometheus: Prometheus
    start: float
    end: float
    namespace: str
    others_namespace: str

    def values(self, *, many: bool) -> dict[str, str]:
        """Return what Grafana would put for its variables; ``many`` where a dashboard offers All."""
        chosen = {"namespace": ".*", "search": ".*"} if many else {"namespace": self.namespace, "search": NAME}
        return {**chosen, "__range": f"{int(self.end - self.start)}s", "__rate_interval": "15s"}

    def choices(self, *, many: bool) -> list[dict[str, str]]:
        """Return the same, and what Grafana would put if another search were chosen."""
        values = self.values(many=many)
        others = [{**values, "namespace": self.others_namespace, "search": name} for name in (PAUSING, WITH_FRONT)]
        return [values] if many else [values, *others]


@contextmanager
def recorded(cluster: Cluster, folder: Path, *, trials: int, seconds: float) -> Iterator[Recording]:
    """Run it with so many trials of so many seconds in the main search."""
    with cluster.namespace("vision") as vision, cluster.namespace("speech") as speech:
        operator = OperatorProcess(cluster, folder / "operator.log", [vision, speech])
        operator.start()
        try:
            target, labels = f"127.0.0.1:{operator.metrics_port}", {"namespace": OPERATORS_NAMESPACE}
            with scraping(folder, target, labels, [RULES]) as prometheus:
                start = time.time()
                _run(cluster, operator, vision, speech, trials, f"{int(seconds * 1000)}ms")
                _wait_for_scrapes(prometheus)
                yield Recording(prometheus, start, time.time(), vision, speech)
        finally:
            operator.stop()


def _run(cluster: Cluster, operator: OperatorProcess, vision: str, speech: str, trials: int, duration: str) -> None:
    outcomes = {f"evonas-test/outcome-{attempt}": outcome for attempt, outcome in _FAILURES.items()}
    main = _search(NAME, {**outcomes, "evonas-test/duration": duration}, trials - _LATE_TRIALS)
    cluster.apply(yaml.safe_dump(main), vision)
    pausing = _search(PAUSING, {"evonas-test/duration": duration}, trials // 2)
    pausing["spec"]["fidelity"]["mode"] = "Pause"
    cluster.apply(yaml.safe_dump(pausing), speech)
    edge = _search(WITH_FRONT, {"evonas-test/duration": duration, "evonas-test/metrics": "yes"}, trials // 2)
    edge["spec"]["objectives"] = [
        {"metric": "accuracy", "goal": "Maximize"},
        {"metric": "latency_ms", "goal": "Minimize", "reference": 16},
    ]
    del edge["spec"]["fidelity"]
    cluster.apply(yaml.safe_dump(edge), speech)
    stalled = _search("too-large", {}, 4)
    stalled["spec"]["trial"]["template"]["spec"]["nodeSelector"] = {"type": "none"}
    cluster.apply(yaml.safe_dump(stalled), speech)
    cluster.wait_for("results", lambda: _recorded(cluster, vision) >= trials // 3, timeout=300, interval=1)
    _refuse_records_for_a_while(cluster, operator, vision, trials)
    cluster.wait_for("more results", lambda: _recorded(cluster, vision) >= trials - 3, timeout=300, interval=1)


def _wait_for_scrapes(prometheus: Prometheus) -> None:
    """Wait until Prometheus has seen what there is, and a rate has its second sample."""

    def scrapes() -> int:
        (up,) = prometheus.ask("query", query="count_over_time(up[1d])")["result"]
        return int(up["value"][1])

    before = scrapes()
    wait_for("three scrapes", lambda: scrapes() >= before + 3)


def _search(name: str, annotations: dict[str, str], trials: int) -> dict[str, Any]:
    body = search(
        name,
        searchSpace=[{"name": f"a{position}", "values": [1, 2, 4, 8, 16]} for position in range(6)],
        agent={"type": "EvoNAS", "seed": 1, "warmup": 6},
        budget={"maxTrials": trials, "parallelTrials": 4, "maxGPUHours": 3, "maxSeconds": 7200},
        fidelity={"rungs": {"steps": [1, 3], "factor": 2}},
    )
    body["spec"]["trial"] |= {"retries": 0, "timeoutSeconds": 600}
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": annotations}
    return body


def _recorded(cluster: Cluster, namespace: str) -> int:
    counts = cluster.get("nas", NAME, namespace).get("status", {}).get("trials", {})
    return sum(counts.get(state, 0) for state in ("succeeded", "infeasible", "failed", "stopped"))


def _refuse_records_for_a_while(cluster: Cluster, operator: OperatorProcess, namespace: str, trials: int) -> None:
    """Have the API server refuse to record results until the operator has met that, with the last of so many trials."""
    name = f"refuse-{namespace}"
    kinds = {"apiGroups": ["evonas.dev"], "apiVersions": ["*"], "resources": ["architecturetrials/status"]}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{**kinds, "operations": ["UPDATE"]}]},
        "validations": [{"expression": "false", "message": "not now"}],
    }
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": selector},
    }
    kind = "ValidatingAdmissionPolicy"
    bodies = [
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": of, "metadata": {"name": name}, "spec": spec}
        for of, spec in ((kind, policy), (f"{kind}Binding", binding))
    ]
    cluster.apply(yaml.safe_dump_all(bodies))
    try:
        cluster.wait_for("the policy to be in force", lambda: _is_refused(cluster, namespace))
        change(cluster, namespace, NAME, {"budget": {"maxTrials": trials}})
        cluster.wait_for("a refusal", lambda: "evonas_reconcile_errors_total{" in operator.ask("/metrics")[1], 120)
    finally:
        cluster.kubectl("delete", kind, name)
        cluster.kubectl("delete", f"{kind}Binding", name)


def _is_refused(cluster: Cluster, namespace: str) -> bool:
    """Say whether a trial's status cannot be written."""
    kind = cluster.rest.kind("nastrial")
    name = cluster.list("nastrial", namespace)[0]["metadata"]["name"]
    patch = json.dumps({"status": {"message": "a try"}})
    path = f"{kind.path(namespace, name)}/status?dryRun=All"
    try:
        cluster.rest.ask("PATCH", path, patch, "application/merge-patch+json")
    except CommandFailed as refusal:
        return "not now" in refusal.stderr
    return False
