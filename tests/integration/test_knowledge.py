"""What a search learns from earlier ones on the real control plane: once, for good, whatever becomes of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.agents import Experience
from evonas.cluster.state.knowledge_map import PLAIN_KEY
from evonas.recorded.knowledge_record import KIND, Knowledge
from evonas.search.names import knowledge_name
from harness.client import Cluster
from tests.command_line import evonas
from tests.earlier import KEY, NAME, export_of
from tests.integration.rights import wait_for_right
from tests.integration.searches import HELD, condition, events_of, let_go, running, trials, wait_until
from tests.operator_process import OperatorProcess, bind, search

pytestmark = [pytest.mark.kwok, pytest.mark.usefixtures("operator")]
Apply = Callable[[dict[str, Any]], None]

LEARNS = {"type": "EvoNAS", "seed": 4, "warmup": 2}


def learner(name: str, *, held: bool = False, **spec: Any) -> dict[str, Any]:
    body = search(name, agent=LEARNS, **spec)
    if held:
        body["spec"]["trial"]["template"]["metadata"] = {"annotations": HELD}
    return body


def is_past(second: str) -> Callable[[], bool]:
    """Return whether the clock of this machine shows a later second."""
    return lambda: datetime.now(UTC) >= datetime.fromisoformat(second) + timedelta(seconds=1)


def record_of(cluster: Cluster, namespace: str, name: str) -> str:
    """Return the name of the ConfigMap that records what a search's agent knows."""
    return knowledge_name(name, cluster.get("nas", name, namespace)["metadata"]["uid"])


def config_maps(cluster: Cluster, namespace: str) -> set[str]:
    return {body["metadata"]["name"] for body in cluster.list("configmaps", namespace)}


def refusal(cluster: Cluster, namespace: str, name: str, said: str) -> dict[str, Any]:
    """Wait until a search is refused with such a message, and return it."""

    def refused() -> dict[str, Any] | None:
        body = cluster.get("nas", name, namespace)
        accepted = condition(body, "Accepted")
        return body if accepted.get("status") == "False" and said in accepted["message"] else None

    body = cluster.wait_for(f"the refusal: {said}", refused, 180)
    assert body is not None
    assert condition(body, "Accepted")["reason"] == "KnowledgeUnusable"
    assert condition(body, "Stalled")["status"] == "False"
    return body


def asked_of_config_maps(operator: OperatorProcess) -> Counter[tuple[str, ...]]:
    return Counter({call: count for call, count in operator.calls().items() if call[1] == "configmaps"})


def test_a_search_learns_from_another_once_whatever_becomes_of_that(
    cluster: Cluster, namespace: str, apply: Apply, operator: OperatorProcess
) -> None:
    budget = {"maxTrials": 5, "parallelTrials": 1}
    apply(learner("second", held=True, budget=budget, knowledge={"searches": ["first"]}))
    refusal(cluster, namespace, "second", f"spec.knowledge.searches: there is no search first in namespace {namespace}")
    assert trials(cluster, namespace) == []
    apply(search("first", budget={"maxTrials": 8, "parallelTrials": 4}))
    wait_until(cluster, namespace, "first", "Complete")
    cluster.wait_for("a trial that runs", lambda: running(cluster, namespace), 180)
    name = record_of(cluster, namespace, "second")
    recorded = cluster.get("configmap", name, namespace)
    assert recorded["immutable"] is True
    content = json.loads(recorded["data"][PLAIN_KEY])
    assert asked_of_config_maps(operator)["create", "configmaps", "201"] == 1

    # It is posted right after the status, and whoever is killed between the two posts it no more.
    (told,) = events_of(cluster, namespace, "KnowledgeGathered")
    assert told["message"] == recorded["data"]["note"]

    # Neither the source nor the process that gathered is needed any more.
    cluster.kubectl("delete", "nas", "first", "-n", namespace)
    operator.kill()
    operator.start()
    body = wait_until(cluster, namespace, "second", "Complete", meanwhile=lambda: let_go(cluster, namespace))
    assert body["status"]["knowledge"] == {
        "digest": content["digest"],
        "configMap": name,
        "tasks": [{"source": "search first", "results": 8}],
        "message": recorded["data"]["note"],
    }
    assert asked_of_config_maps(operator) == {("get", "configmaps", "200"): 1}
    assert len(events_of(cluster, namespace, "KnowledgeGathered")) == 1
    replayed = evonas(cluster, namespace, "replay", "second")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    cluster.kubectl("delete", "nas", "second", "-n", namespace)
    cluster.wait_for("the record to go", lambda: name not in config_maps(cluster, namespace), 300)


def test_a_search_whose_record_is_gone_begins_nothing_new_until_it_is_put_back(
    cluster: Cluster, namespace: str, apply: Apply, operator: OperatorProcess, tmp_path: Path
) -> None:
    apply(export_of(8))
    budget = {"maxTrials": 4, "parallelTrials": 2}
    apply(learner("learner", held=True, budget=budget, knowledge={"configMaps": [{"name": NAME, "key": KEY}]}))
    cluster.wait_for("two that run", lambda: len(running(cluster, namespace)) == 2, 180)
    name = record_of(cluster, namespace, "learner")
    exported = evonas(cluster, namespace, "export", "learner", "--to", str(tmp_path / "learner.jsonl"))
    assert (exported.returncode, exported.stderr) == (0, "")
    cluster.kubectl("delete", "configmap", name, NAME, "-n", namespace)
    operator.kill()
    operator.start()
    body = refusal(cluster, namespace, "learner", f"ConfigMap {name}")
    assert "is gone; restore it from a copy, or from an export" in condition(body, "Accepted")["message"]
    replayed = evonas(cluster, namespace, "replay", "learner")
    assert replayed.returncode != 0
    missing = f"ConfigMap {name}, which records it, does not exist"
    assert missing in " ".join(replayed.stderr.split())
    exported = evonas(cluster, namespace, "export", "learner", "--to", str(tmp_path / "incomplete.jsonl"))
    assert exported.returncode == 0
    assert missing in " ".join(exported.stderr.split())

    # What runs is not disturbed, and its results are taken in.
    assert len(running(cluster, namespace)) == 2
    let_go(cluster, namespace)
    cluster.wait_for(
        "both results",
        lambda: cluster.get("nas", "learner", namespace)["status"]["trials"]["succeeded"] == 2,
        120,
    )
    assert {trial["status"]["state"] for trial in trials(cluster, namespace)} == {"Succeeded"}
    assert len(trials(cluster, namespace)) == 2
    other = json.dumps(Knowledge(Experience()).to_object())
    apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {PLAIN_KEY: other}})
    refusal(cluster, namespace, "learner", "has other contents than those that the agent knew")
    assert len(events_of(cluster, namespace, "KnowledgeUnusable", 2)) >= 2

    cluster.kubectl("delete", "configmap", name, "-n", namespace)
    lines = (tmp_path / "learner.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / PLAIN_KEY).write_text(next(line for line in lines if json.loads(line).get("kind") == KIND))
    cluster.kubectl("create", "configmap", name, f"--from-file={tmp_path / PLAIN_KEY}", "-n", namespace)
    body = wait_until(cluster, namespace, "learner", "Complete", meanwhile=lambda: let_go(cluster, namespace))
    assert condition(body, "Accepted")["status"] == "True"
    assert body["status"]["knowledge"]["tasks"] == [{"source": f"ConfigMap {NAME}, {KEY}", "results": 8}]
    assert body["status"]["knowledge"]["message"]
    replayed = evonas(cluster, namespace, "replay", "learner")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr


def test_searches_are_selected_by_label_and_a_reader_needs_the_right_to_see_the_record(
    cluster: Cluster, namespace: str, apply: Apply
) -> None:
    labels = {"team": "vision"}
    some = {"maxTrials": 6, "parallelTrials": 6}
    for name in ("older", "newer"):
        body = search(name, budget=some)
        body["metadata"]["labels"] = labels
        apply(body)
        made = wait_until(cluster, namespace, name, "Complete")["metadata"]["creationTimestamp"]
        # An object's time of creation has no fractions of a second, and those of one second are as old as each other.
        cluster.wait_for("another second", is_past(made))
    budget = {"maxTrials": 3, "parallelTrials": 3}
    body = learner("learner", budget=budget, knowledge={"selector": {"matchLabels": labels}})
    body["metadata"]["labels"] = labels
    apply(body)
    status = wait_until(cluster, namespace, "learner", "Complete")["status"]
    assert [task["source"] for task in status["knowledge"]["tasks"]] == ["search newer", "search older"]
    # One that selects nothing begins with nothing, also if there were something by now.
    apply(learner("alone", budget=budget, knowledge={"selector": {"matchLabels": {"team": "speech"}}}))
    status = wait_until(cluster, namespace, "alone", "Complete")["status"]
    assert status["knowledge"]["tasks"] == []
    assert record_of(cluster, namespace, "alone") in config_maps(cluster, namespace)
    # An agent that learns from no other search says so.
    apply(search("evolution", budget=budget, knowledge={"searches": ["older"]}))
    status = wait_until(cluster, namespace, "evolution", "Complete")["status"]
    assert set(status["knowledge"]) == {"message"}
    assert "only EvoNAS and Neural learn" in status["knowledge"]["message"]
    assert record_of(cluster, namespace, "evolution") not in config_maps(cluster, namespace)
    assert len(events_of(cluster, namespace, "KnowledgeUnused")) == 1

    reader = f"reader-{namespace}"
    rules = [
        {"apiGroups": ["evonas.dev"], "resources": ["*"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    ]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": reader}}
    cluster.apply(yaml.safe_dump_all([{**role, "rules": rules}, bind(reader, reader)]))
    wait_for_right(cluster, namespace, reader, "list", "nas", "nastrial", "pods")
    kubeconfig = cluster.kubeconfig_for(reader)
    seen = evonas(cluster, namespace, "best", "learner", kubeconfig=kubeconfig)
    assert seen.returncode == 0, seen.stderr
    replayed = evonas(cluster, namespace, "replay", "learner", kubeconfig=kubeconfig)
    assert replayed.returncode != 0
    said = " ".join(replayed.stderr.split())
    assert f"ConfigMap {record_of(cluster, namespace, 'learner')}, which you may not read" in said
