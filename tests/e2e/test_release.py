"""The release's life on a real node: `helm test`, an upgrade and an uninstall in the middle of a search, and back.

And the live page that belongs to it: nobody reaches it by the network, and who acts there acts as themselves.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from urllib.request import Request

import pytest
import yaml

from harness.client import Cluster
from harness.prometheus import scraping
from harness.waiting import PATIENCE
from tests.chart.rendering import NAMESPACE, RELEASE, ROOT
from tests.command_line import shell_of
from tests.e2e import proxy
from tests.e2e.installed import RESTRICTED, apply_example, change, follow
from tests.integration.searches import assert_sound, finished, trials
from tests.shell_blocks import PAGE, Block, blocks_run_by

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
    operators = "app.kubernetes.io/component=operator"
    released.wait_for("the operator to be gone", lambda: not released.list("pods", NAMESPACE, operators))
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


def test_the_page_is_reached_by_port_forward_and_changes_nothing(
    released: Cluster, namespace: str, tmp_path: Path
) -> None:
    cluster = released
    apply_example(cluster, "counting.yaml", namespace, trials=4)
    follow(cluster, namespace, "counting", timeout=240)
    # Helm waits for its probes, which ask from within the pod.
    change(cluster, "--set", "ui.enabled=true")
    (pod,) = cluster.list("pods", NAMESPACE, "app.kubernetes.io/component=ui")
    address = pod["status"]["podIP"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, 8090), timeout=PATIENCE)
    assert not [body for body in cluster.list("services", NAMESPACE) if body["metadata"]["name"].endswith("-ui")]

    for block in blocks_run_by(PAGE):
        with forwarding(cluster, block, tmp_path) as page:
            assert b'<script type="module"' in ask(f"{page}/")[1]
            about = json.loads(ask(f"{page}/api/v1/page")[1])
            assert (about["readOnly"], [source["origin"] for source in about["sources"]]) == (True, ["cluster"])
            search = search_of(cluster, page, namespace)
            of_it = f"{page}/api/v1/searches/{quote(search['id'], safe='')}"
            cluster.wait_for("the log", lambda of_it=of_it: ask(f"{of_it}/trials/0/log")[0] == 200)  # type: ignore[misc]
            assert ask(f"{of_it}/actions", {"action": "pin", "trial": 0})[0] == 403
            # Another site's page cannot ask in the name of a host that it lets point here.
            assert ask(f"{page}/api/v1/page", headers={"Host": "evil.example.com"})[0] == 421
    assert "evonas.dev/pin-0" not in cluster.get("nas", "counting", namespace)["metadata"].get("annotations", {})


def test_users_of_a_proxy_before_the_page_act_with_their_own_rights(
    released: Cluster, namespace: str, tmp_path: Path
) -> None:
    cluster = released
    apply_example(cluster, "counting.yaml", namespace, trials=4)
    follow(cluster, namespace, "counting", timeout=240)
    tokens = {}
    for user, role in (("ann", "edit"), ("bob", "view")):
        cluster.kubectl("create", "serviceaccount", user, "-n", namespace)
        account = f"--serviceaccount={namespace}:{user}"
        cluster.kubectl("create", "rolebinding", user, "-n", namespace, f"--clusterrole={role}", account)
        tokens[user] = cluster.kubectl("create", "token", user, "-n", namespace).strip()
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(proxy.values(tokens)))
    change(cluster, "--values", str(tmp_path / "values.yaml"))
    address = cluster.get("service", "evonas-ui", NAMESPACE)["spec"]["clusterIP"]
    page = f"http://{address}"
    # kube-proxy may learn of the service after Helm has waited for its pods.
    cluster.wait_for("the page's address", lambda: _is_reached(address))

    def order(user: str, **headers: str) -> tuple[int, bytes]:
        of_it = f"{page}/api/v1/searches/{quote(search['id'], safe='')}"
        known = {"Host": proxy.HOST, "Cookie": f"user={user}", "Origin": f"https://{proxy.HOST}"}
        return ask(f"{of_it}/actions", {"action": "pin", "trial": 0}, {**known, **headers})

    assert ask(f"{page}/", headers={"Host": proxy.HOST})[0] == 401
    search = search_of(cluster, page, namespace, {"Host": proxy.HOST, "Cookie": "user=bob"})
    status, said = order("bob")
    assert (status, b"forbidden" in said) == (403, True), said
    # Nobody becomes somebody else by a header of their own.
    assert order("bob", Authorization=f"Bearer {tokens['ann']}")[0] == 403
    assert order("ann")[0] == 200
    assert "evonas.dev/pin-0" in cluster.get("nas", "counting", namespace)["metadata"]["annotations"]
    writes = {user: cluster.writes(f"system:serviceaccount:{namespace}:{user}") for user in tokens}
    patched = {
        user: [event["objectRef"]["name"] for event in found if event["verb"] == "patch"]
        for user, found in writes.items()
    }
    assert patched["ann"] == ["counting"]
    assert cluster.writes(f"system:serviceaccount:{NAMESPACE}:evonas-ui") == []


@contextmanager
def forwarding(cluster: Cluster, block: Block, folder: Path) -> Iterator[str]:
    """Run a page's port-forward until the block ends, to a port of its own, and give the address that it prints."""
    command = block.text.replace(" 8090", " :8090").strip()
    assert command != block.text.strip()
    process = subprocess.Popen(
        ["sh", "-c", f"exec {command}"], env=shell_of(cluster, "default", folder), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"Forwarding from 127\.0\.0\.1:(\d+) -> 8090", said)
        assert found is not None, said
        yield f"http://127.0.0.1:{found[1]}"
    finally:
        process.terminate()
        process.wait()


def search_of(
    cluster: Cluster, page: str, namespace: str, headers: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Return what the page's list tells of the namespace's search, once it has looked: it is ready before."""

    def known() -> dict[str, Any] | None:
        status, body = ask(f"{page}/api/v1/searches", headers=headers)
        assert status == 200, body
        return next((search for search in json.loads(body)["searches"] if search["namespace"] == namespace), None)

    found = cluster.wait_for("the search on the page", known)
    assert found is not None
    return found


def _is_reached(address: str) -> bool:
    try:
        socket.create_connection((address, 80), timeout=PATIENCE).close()
    except OSError:
        return False
    return True


def ask(url: str, order: Any = None, headers: Mapping[str, str] = MappingProxyType({})) -> tuple[int, bytes]:
    """GET, or POST an order as the page itself does."""
    body = None if order is None else json.dumps(order).encode()
    own = {} if body is None else {"X-Evonas-Request": "1", "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(Request(url, body, {**own, **headers}), timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


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
