"""Orders of the live page's viewers on a real control plane: each by their own rights, and by nobody else's."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from evonas.cluster.client.resources import SEARCHES
from harness.client import Cluster
from harness.waiting import wait_for
from tests.integration.rights import wait_for_right
from tests.integration.searches import HELD, let_go
from tests.operator_process import OperatorProcess, search
from tests.page.serving import Server
from tests.unit.local.runs import evonas

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]
NAME = "counting"
HEADER = "X-Forwarded-Access-Token"
ORDER = {"X-Evonas-Request": "1", "Content-Type": "application/json"}


@pytest.fixture
def id(namespace: str) -> str:
    return f"cluster:{namespace}:{NAME}"


@pytest.fixture
def declared(cluster: Cluster, namespace: str, apply: Apply) -> None:
    """A search whose trials, where an operator works on it, run until they are let go."""
    body = search(NAME, budget={"maxTrials": 6, "parallelTrials": 2})
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": HELD}
    apply(body)


@pytest.fixture
def server(cluster: Cluster, namespace: str, declared: None, tmp_path: Path) -> Iterator[Server]:
    """The page as its user's own, with a kubeconfig."""
    with serving(tmp_path, cluster, namespace) as started:
        yield started


@pytest.fixture
def shared(cluster: Cluster, namespace: str, declared: None, tmp_path: Path) -> Iterator[Server]:
    """The page behind a proxy that passes its viewers' tokens; its own account may do everything."""
    with serving(tmp_path, cluster, namespace, "--user-token-header", HEADER) as started:
        yield started


@contextmanager
def serving(folder: Path, cluster: Cluster, namespace: str, *arguments: str) -> Iterator[Server]:
    server = Server(folder / "ui.log", ["--kubeconfig", str(cluster.kubeconfig), "-n", namespace, *arguments])
    server.start()
    wait_for("the search", lambda: server.get("/api/v1/searches")["searches"])
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.log, server.log


def token_of(cluster: Cluster, namespace: str, name: str, role: str) -> str:
    """Return a token of a new ServiceAccount with a role."""
    cluster.kubectl("create", "serviceaccount", name, "-n", namespace)
    binding = (f"--clusterrole={role}", f"--serviceaccount={namespace}:{name}")
    cluster.kubectl("create", "rolebinding", name, "-n", namespace, *binding)
    verb = "patch" if role == "edit" else "get"
    wait_for_right(cluster, namespace, f"system:serviceaccount:{namespace}:{name}", verb, "nas")
    return cluster.kubectl("create", "token", name, "-n", namespace).strip()


def ask(server: Server, id: str, token: str | None = None, **body: Any) -> tuple[int, Any]:
    headers = {**ORDER, **({} if token is None else {HEADER: token})}
    status, text = server.ask(f"/api/v1/searches/{id}/actions", body, headers)
    return status, json.loads(text)


def allowed(server: Server, id: str, token: str | None = None) -> dict[str, str]:
    """Return by action why it is not allowed."""
    status, text = server.ask(f"/api/v1/searches/{id}/actions", headers={} if token is None else {HEADER: token})
    assert status == 200, text
    return {item["action"]: item["reason"] for item in json.loads(text)}


def spec_of(cluster: Cluster, namespace: str) -> Any:
    return cluster.get("nas", NAME, namespace)["spec"]


def version_of(cluster: Cluster, namespace: str) -> str:
    return str(cluster.get("nas", NAME, namespace)["metadata"]["resourceVersion"])


def test_a_search_is_suspended_resumed_and_given_more(
    cluster: Cluster, namespace: str, operator: OperatorProcess, server: Server, id: str
) -> None:
    status, told = ask(server, id, action="suspend")
    assert (status, told["done"]) == (200, True), told
    assert spec_of(cluster, namespace)["suspend"] is True

    def phase() -> str:
        return str(server.get(f"/api/v1/searches/{id}")["summary"]["phase"])

    wait_for("the page to know", lambda: phase() == "Suspended")
    reasons = allowed(server, id)
    assert (reasons["resume"], reasons["suspend"]) == ("", "it is suspended already")
    assert ask(server, id, action="parallel", parallelTrials=3)[0] == 200
    assert ask(server, id, action="budget", maxTrials=8)[0] == 200
    assert ask(server, id, action="resume")[0] == 200
    spec = spec_of(cluster, namespace)
    assert (spec["suspend"], spec["budget"]["parallelTrials"], spec["budget"]["maxTrials"]) == (False, 3, 8)
    managers = cluster.get("nas", NAME, namespace)["metadata"].get("managedFields")
    assert managers is None or any(entry["manager"] == "evonas-ui" for entry in managers)

    def is_over() -> bool:
        let_go(cluster, namespace)
        return phase() == "Complete"

    wait_for("the end", is_over)
    assert server.get(f"/api/v1/searches/{id}")["summary"]["counts"]["total"] == 8


@pytest.mark.parametrize(
    "body",
    [
        {"action": "suspend"},
        {"action": "parallel", "parallelTrials": 4},
        {"action": "budget", "maxTrials": 9},
        {"action": "enqueue", "decisions": None},
    ],
    ids=lambda body: body["action"],
)
def test_the_command_that_is_shown_does_the_same_and_a_preview_does_nothing(
    cluster: Cluster, namespace: str, server: Server, tmp_path: Path, id: str, body: dict[str, Any]
) -> None:
    if body["action"] == "enqueue":
        body = {**body, "decisions": _candidate(server, id)}
    before = version_of(cluster, namespace)
    status, told = ask(server, id, **body, preview=True)
    assert (status, told["done"]) == (200, False), told
    assert version_of(cluster, namespace) == before
    words = shlex.split(told["command"])
    assert ("-n", namespace) in pairwise(words)
    if words[0] == "kubectl":
        # The harness gives its own kubeconfig.
        place = words.index("--kubeconfig")
        cluster.kubectl(*words[1:place], *words[place + 2 :])
    else:
        evonas(tmp_path, *words[1:])
    once = spec_of(cluster, namespace)
    assert version_of(cluster, namespace) != before
    status, told = ask(server, id, **body)
    if body["action"] == "enqueue":
        assert (status, "listed already" in told["message"]) == (409, True)
    else:
        assert status == 200
    assert spec_of(cluster, namespace) == once


def _candidate(server: Server, id: str) -> dict[str, Any]:
    decisions = server.get(f"/api/v1/searches/{id}")["space"]
    return {decision["name"]: decision["values"][0] for decision in decisions if decision["when"] is None}


def test_what_the_api_server_would_refuse_is_refused_with_its_words(
    cluster: Cluster, namespace: str, server: Server, id: str
) -> None:
    before = version_of(cluster, namespace)
    refused: list[tuple[dict[str, Any], str]] = [
        ({"action": "budget", "maxTrials": 3}, "spec.budget.maxTrials: Invalid value: 3: may only grow"),
        ({"action": "parallel", "parallelTrials": 7}, "must be no more than maxTrials"),
        ({"action": "pin", "trial": 5}, "has no trial 5"),
    ]
    for body, said in refused:
        status, told = ask(server, id, **body)
        assert (status, said in told["message"]) == (409, True), told
    assert version_of(cluster, namespace) == before


def test_viewers_act_by_their_own_rights_whatever_the_pages_account_may(
    cluster: Cluster, namespace: str, shared: Server, id: str
) -> None:
    editor = token_of(cluster, namespace, "editor", "edit")
    looker = token_of(cluster, namespace, "looker", "view")
    before = version_of(cluster, namespace)
    for token, said in ((looker, "may not patch"), (None, "did not arrive"), ("made.up.token", "401")):
        assert all(said in reason for reason in allowed(shared, id, token).values()), said
        for preview in (True, False):
            status, told = ask(shared, id, token, action="suspend", preview=preview)
            assert status == 403, told
    _, told = ask(shared, id, looker, action="suspend")
    # The server's own message.
    assert f'User "system:serviceaccount:{namespace}:looker" cannot patch resource' in told["message"]
    assert version_of(cluster, namespace) == before
    assert allowed(shared, id, editor)["suspend"] == ""
    assert ask(shared, id, editor, action="suspend")[0] == 200
    assert spec_of(cluster, namespace)["suspend"] is True
    # The API server's own record of who has done it.
    who = f"system:serviceaccount:{namespace}:editor"
    patches = [event for event in cluster.writes(who) if event["verb"] == "patch"]
    assert {event["objectRef"]["resource"] for event in patches} == {SEARCHES.plural}


def test_events_and_alerts_are_those_of_the_search(
    cluster: Cluster, namespace: str, operator: OperatorProcess, declared: None, tmp_path: Path, id: str
) -> None:
    alert: dict[str, Any] = {
        "labels": {"alertname": "EvonasSearchStalled", "namespace": namespace, "search": NAME, "severity": "warning"},
        "annotations": {"summary": "it stands still", "runbook_url": "https://runbooks.example/stalled"},
        "state": "firing",
        "activeAt": "2026-01-02T03:04:05.678Z",
    }
    other = {**alert, "labels": {**alert["labels"], "search": "other"}}
    with (
        Prometheus({"status": "success", "data": {"alerts": [other, alert]}}) as address,
        serving(tmp_path, cluster, namespace, "--prometheus", address) as server,
    ):
        path = f"/api/v1/searches/{id}/happenings"

        def whole() -> Any:
            said = server.get(path)
            # A busy Prometheus may be too slow for one answer.
            return said if said["events"] and not said["problems"] else None

        told = wait_for("events, and no problem", whole)
        kinds = {event["about"].partition(" ")[0] for event in told["events"]}
        assert kinds <= {"ArchitectureSearch", "ArchitectureTrial", "Job", "Pod"}
        found = [(item["name"], item["runbook"], item["state"]) for item in told["alerts"]]
        assert found == [("EvonasSearchStalled", "https://runbooks.example/stalled", "firing")]


class Prometheus:
    """What answers as Prometheus does."""

    def __init__(self, body: Any) -> None:
        content = json.dumps(body).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert self.path == "/api/v1/alerts"
                self.send_response(200)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
