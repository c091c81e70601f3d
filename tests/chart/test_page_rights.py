"""The live page's rights on a real API server: what its account may do, all of it, is to read what a search is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from harness.client import Cluster
from tests.chart.rendering import CHART, NAMESPACE, RELEASE, Object, installed, of_kind
from tests.chart.test_rights import Right, granted, kubeconfig_of, operator_of_the_chart, requests
from tests.integration.searches import wait_until
from tests.operator_process import search
from tests.page.conftest import serving
from tests.page.serving import Server

pytestmark = [pytest.mark.kwok, pytest.mark.timeout(300)]

NAME = "evonas-ui"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:{NAME}"
ANYBODY = f"system:serviceaccount:{NAMESPACE}:default"
VERBS = (
    *("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"),
    *("impersonate", "bind", "escalate", "approve", "sign", "attest"),
)
UNSERVED = ("users", "groups", "uids")
"""What is impersonated, which discovery does not list."""


def install(cluster: Cluster, *values: str) -> str:
    """Install the chart with the page and without pods."""
    command = ["upgrade", "--install", "--reset-values", "--take-ownership", RELEASE, str(CHART)]
    settings = [word for value in ("replicaCount=0", "ui.enabled=true", *values) for word in ("--set", value)]
    return cluster.helm(*command, "--namespace", NAMESPACE, *settings)


def served(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Yield group and plural of every resource that the API server has, with the parts of each."""
    groups = cluster.rest.ask("GET", "/apis")["groups"]
    versions = [("", "/api/v1"), *((g["name"], f"/apis/{g['preferredVersion']['groupVersion']}") for g in groups)]
    for group, path in versions:
        yield from ((group, resource["name"]) for resource in cluster.rest.ask("GET", path)["resources"])
    yield from (("", name) for name in UNSERVED)


def allowed(cluster: Cluster, account: str, namespace: str, resources: list[tuple[str, str]]) -> set[Right]:
    """Return what the API server would let an account do, of all that there is."""
    found = set()
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated"]
    for group, resource in resources:
        plural, _, part = resource.partition("/")
        for verb in VERBS:
            asked = {"namespace": namespace, "group": group, "resource": plural, "subresource": part, "verb": verb}
            spec = {"user": account, "groups": groups, "resourceAttributes": asked}
            review = cluster.rest.ask(
                "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", json.dumps({"spec": spec})
            )
            if review["status"]["allowed"]:
                found.add(Right(group, resource, verb))
    return found


def roles(*settings: str) -> list[Object]:
    """Return the page's own roles of an installation with these values."""
    found = of_kind(installed(None, "ui.enabled=true", *settings), "ClusterRole", "Role")
    return [body for body in found if body["metadata"]["name"] == NAME]


def test_of_all_that_there_is_the_page_may_read_searches_and_change_nothing(cluster: Cluster) -> None:
    said = install(cluster)
    assert f"kubectl port-forward -n {NAMESPACE} deployment/evonas-ui 8090" in said
    assert "http://localhost:8090" in said
    resources = list(served(cluster))
    assert ("evonas.dev", "architecturesearches/scale") in resources
    has = allowed(cluster, ACCOUNT, "team-a", resources)
    more = has - allowed(cluster, ANYBODY, "team-a", sorted({(right.group, right.resource) for right in has}))
    assert more == granted(roles())
    assert {right.verb for right in more} == {"get", "list", "watch"}


@pytest.fixture
def page_of_the_chart(cluster: Cluster, tmp_path: Path) -> Iterator[Server]:
    """`evonas ui` beside the cluster, as the chart's account and with its arguments."""
    install(cluster)
    (deployment,) = [
        body for body in of_kind(installed(None, "ui.enabled=true"), "Deployment") if body["metadata"]["name"] == NAME
    ]
    _, *told = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    arguments = [argument for argument in told if not argument.startswith("--port=")]
    path = kubeconfig_of(cluster, NAME, tmp_path / "page.kubeconfig")
    with serving(tmp_path, "--kubeconfig", str(path), *arguments) as server:
        yield server


def test_the_page_needs_all_of_its_rights_and_is_refused_nothing(
    cluster: Cluster, page_of_the_chart: Server, tmp_path: Path
) -> None:
    page = page_of_the_chart
    operator = operator_of_the_chart(cluster, tmp_path / "operator.log")
    operator.start()
    with cluster.namespace() as namespace:
        budget = {"maxTrials": 2, "parallelTrials": 2}
        cluster.apply(yaml.safe_dump(search("teacher", budget=budget)), namespace)
        wait_until(cluster, namespace, "teacher", "Complete")
        learns: dict[str, Any] = {"agent": {"type": "EvoNAS"}, "knowledge": {"searches": ["teacher"]}}
        cluster.apply(yaml.safe_dump(search("learner", budget=budget, **learns)), namespace)
        wait_until(cluster, namespace, "learner", "Complete")
        of_it = f"/api/v1/searches/{quote(page.id_of('learner'), safe='')}"
        cluster.wait_for("its results", lambda: page.get(of_it)["summary"]["counts"].get("succeeded") == 2)
        # Trials come by a watch of their own, which may be behind.
        cluster.wait_for("its trials", lambda: _states(page, of_it) == ["Succeeded", "Succeeded"])
        for part in ("", "/trials", "/curves", "/analysis", "/happenings", "/actions", "/trials/0"):
            page.get(of_it + part)
        assert page.get(f"{of_it}/trials/1/explanation")["problem"] is None
        # Of a fake node there are no logs, which are asked for all the same.
        page.ask(f"{of_it}/trials/0/log")
        order = {"action": "suspend"}
        status, said = page.ask(
            f"{of_it}/actions", order, {"X-Evonas-Request": "1", "Content-Type": "application/json"}
        )
        assert (status, "this page only shows" in said) == (403, True), said
    assert operator.stop() == 0
    assert requests(cluster, ACCOUNT, refused=True) == set()
    assert requests(cluster, ACCOUNT) == granted(roles())


def _states(page: Server, search: str) -> list[str]:
    states: list[str] = page.get(f"{search}/trials")["columns"]["state"]
    return states


def test_page_of_some_namespaces_has_no_right_elsewhere(cluster: Cluster) -> None:
    install(cluster, "watchNamespaces={team-a}")
    given = granted(roles('watchNamespaces=["team-a"]'))
    kinds = sorted({(right.group, right.resource) for right in given})
    assert allowed(cluster, ACCOUNT, "team-a", kinds) == given
    assert allowed(cluster, ACCOUNT, "team-b", kinds) == set()
    assert allowed(cluster, ACCOUNT, NAMESPACE, kinds) == set()
