"""The release's life on a real node: `helm test`, an upgrade and an uninstall in the middle of a search, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.client import Cluster
from harness.prometheus import scraping
from tests.chart.rendering import NAMESPACE, RELEASE, ROOT
from tests.e2e.installed import RESTRICTED, apply_example, change, follow
from tests.integration.searches import assert_sound, finished, trials

pytestmark = [pytest.mark.node, pytest.mark.timeout(900)]
TRIALS = 24


@pytest.fixture
def released(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster; whatever a test did to the release, the next finds it as it was."""
    yield cluster
    change(cluster)


def test_helm_test_runs_a_search_in_the_releases_own_namespace(cluster: Cluster) -> None:
    labels = cluster.get("namespace", NAMESPACE)["metadata"]["labels"]
    assert labels.items() >= RESTRICTED.items()
    said = cluster.helm("test", RELEASE, "--namespace", NAMESPACE, "--logs", "--timeout", "300s")
    assert re.search(r"Phase:\s+Succeeded", said)
    assert "evonas-test: Complete" in said
    # The account's role stays as Kubernetes' rules for hooks have it; nothing of the search does.
    cluster.wait_for("the search's end", lambda: not cluster.list("nas,nastrial", NAMESPACE))


def test_helm_test_fails_where_no_operator_works(released: Cluster) -> None:
    change(released, "--set", "replicaCount=0,test.timeoutSeconds=10")
    with pytest.raises(Exception, match=r"(?i)failed|error") as caught:
        released.helm("test", RELEASE, "--namespace", NAMESPACE, "--timeout", "120s")
    assert "evonas-test" in str(caught.value)


def test_a_trial_without_a_token_reports_by_its_termination_message(cluster: Cluster, namespace: str) -> None:
    body = yaml.safe_load((ROOT / "examples" / "counting.yaml").read_text())
    body["spec"]["budget"] = {"maxTrials": 2, "parallelTrials": 2}
    body["spec"]["trial"]["template"]["spec"]["automountServiceAccountToken"] = False
    cluster.apply(yaml.safe_dump(body), namespace)
    follow(cluster, namespace, "counting", timeout=240)
    for pod in cluster.list("pods", namespace):
        assert "evonas.dev/reward" not in pod["metadata"].get("annotations", {})
    assert all(float(trial["status"]["reward"]) > 0 for trial in trials(cluster, namespace))


@pytest.mark.prometheus
def test_a_search_outlives_upgrade_uninstall_and_install(released: Cluster, namespace: str, tmp_path: Path) -> None:
    cluster = released
    service = cluster.get("service", "evonas-operator-metrics", NAMESPACE)["spec"]["clusterIP"]
    with scraping(tmp_path, f"{service}:8080", {}, []) as prometheus:
        apply_example(cluster, "counting.yaml", namespace, trials=TRIALS)
        cluster.wait_for("some results", lambda: finished(cluster, namespace) >= 4, 120)
        expression = f'evonas_search_best_reward{{namespace="{namespace}",search="counting"}} > 0'
        cluster.wait_for("its best", lambda: prometheus.ask("query", query=expression)["result"])

    change(cluster, "--set", "operator.workers=8")
    arguments = cluster.get("deployment", "evonas-operator", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]
    assert "--workers=8" in arguments["args"]
    # However far it has come by now, it must not end before the release does.
    before, total = finished(cluster, namespace), len(trials(cluster, namespace)) + TRIALS
    _patch(cluster, namespace, {"budget": {"maxTrials": total}})
    cluster.wait_for("more results", lambda: finished(cluster, namespace) > before, 120)
    _patch(cluster, namespace, {"suspend": True})

    cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--timeout", "180s")
    records = {body["metadata"]["uid"] for body in trials(cluster, namespace)}
    assert 4 <= len(records) < total
    assert cluster.get("nas", "counting", namespace)
    assert cluster.list("deployments", NAMESPACE) == []

    change(cluster)
    _patch(cluster, namespace, {"suspend": False})
    follow(cluster, namespace, "counting", timeout=400)
    assert_sound(cluster, namespace, "counting", total)
    assert records < {body["metadata"]["uid"] for body in trials(cluster, namespace)}


def _patch(cluster: Cluster, namespace: str, spec: dict[str, Any]) -> None:
    cluster.kubectl("patch", "nas/counting", "-n", namespace, "--type=merge", "-p", json.dumps({"spec": spec}))
