"""`evonas ui` as a process: what it is told, what it prints, who may reach it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evonas.commands.ui import PORT
from harness.waiting import PATIENCE, wait_for
from tests.page.serving import Server
from tests.unit.search.simulation import write_run

Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the page with some options, in a folder of its own."""
    started: list[Server] = []

    def start(*arguments: str, **variables: str) -> Server:
        server = Server(tmp_path / f"ui{len(started)}.log", arguments, variables=variables)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        assert server.stop() == 0, server.log


def refused(folder: Path, *arguments: str) -> str:
    """Return the one line by which options are refused."""
    command = [sys.executable, "-m", "evonas", "ui", "--no-open", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    return line


def test_it_shows_the_runs_that_are_here_and_those_that_come(start: Start, tmp_path: Path) -> None:
    server = start()
    assert server.get("/api/v1/searches")["searches"] == []
    [source] = server.get("/api/v1/page")["sources"]
    assert (source["name"], source["searches"]) == ("runs", 0)
    write_run(tmp_path / "runs", "later", count=6)
    wait_for("the run", lambda: [line["id"] for line in server.get("/api/v1/searches")["searches"]] == ["run:later"])


def test_a_cluster_that_cannot_be_reached_is_a_problem_of_its_own(start: Start, tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "here", count=6)
    config = tmp_path / "kubeconfig"
    nowhere = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "nowhere", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
        "current-context": "nowhere",
    }
    config.write_text(json.dumps(nowhere))
    server = start(KUBECONFIG=str(config))
    wait_for("the run", lambda: server.get("/api/v1/searches")["searches"])

    def problems() -> dict[str, str | None]:
        return {source["origin"]: source["problem"] for source in server.get("/api/v1/page")["sources"]}

    wait_for("the cluster's problem", lambda: problems().get("cluster"))
    assert problems()["run"] is None
    alone = start("--no-cluster", KUBECONFIG=str(config))
    assert [source["origin"] for source in alone.get("/api/v1/page")["sources"]] == ["run"]


def test_ports(tmp_path: Path, start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert refused(tmp_path, "--port", port).startswith(f"error: cannot listen on port {port} of 127.0.0.1: ")


def test_a_taken_port_is_passed_over_unless_it_was_asked_for() -> None:
    from evonas.ui.serving import listen

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = listen("127.0.0.1", port, exactly=False)
        assert (found.port > port, found.skipped) == (True, port)
        found.socket.close()
    assert 1024 < PORT < 32768


def test_two_that_begin_at_the_same_moment_do_not_share_a_port() -> None:
    from evonas.ui.serving import listen

    first = listen("127.0.0.1", 0, exactly=True)
    # No app runs yet on the first.
    second = listen("127.0.0.1", first.port, exactly=False)
    assert second.port != first.port
    for each in (first, second):
        each.socket.close()


@pytest.mark.parametrize("host", ["127.0.0.2", "::1", "[::1]", "LOCALHOST"])
def test_it_answers_under_the_address_that_it_prints_whatever_loopback_is_called(host: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evonas", "ui", "--no-open", "--port", "0", "--host", host]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found is not None
        assert "token" not in found[0]
        with urllib.request.urlopen(f"{found[0]}api/v1/page", timeout=PATIENCE) as answer:
            assert answer.status == 200
        server.send_signal(signal.SIGINT)


def test_beyond_this_machine_it_makes_a_token_and_tells_it_once(start: Start) -> None:
    server = start("--host", "0.0.0.0")
    [token] = re.findall(r"http://127\.0\.0\.1:\d+/\?token=(\S+)", server.log)
    assert len(token) >= 32
    assert server.ask("/api/v1/searches")[0] == 401
    assert server.ask("/api/v1/searches", headers={"Authorization": f"Bearer {token}"})[0] == 200
    assert server.log.count(token) == 1


def test_a_token_of_ones_own_is_asked_for_and_never_printed(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("0123456789abcdef\n")
    server = start("--token-file", str(path))
    assert server.ask("/")[0] == 401
    assert server.ask("/api/v1/searches", headers={"Authorization": "Bearer 0123456789abcdef"})[0] == 200
    assert "0123456789abcdef" not in server.log


def test_a_pod_shows_no_runs_and_changes_nothing_by_its_own_account(start: Start) -> None:
    server = start("-A", KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT="1")
    page = server.get("/api/v1/page")
    assert (page["readOnly"], [source["origin"] for source in page["sources"]]) == (True, ["cluster"])


def test_runs_in_a_notebooks_pod_are_shown(start: Start, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    page = start(KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT="1").get("/api/v1/page")
    assert [source["origin"] for source in page["sources"]] == ["run", "cluster"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing-here"], "nothing-here does not exist"),
        (["--no-cluster", "-A"], "--no-cluster"),
        (["-n", "a", "-A"], "either -n or -A"),
        (["--read-only", "--user-token-header", "X-Token"], "--read-only"),
        (["--user-token-header", "X Token"], "--user-token-header: 'X Token' is no header's name"),
        (["--prometheus", "file:///etc/passwd"], "--prometheus: 'file:///etc/passwd' must be an address"),
        (["--token-file", "short"], "must hold a token"),
        (["--host", "999.999.999.999"], "--host: '999.999.999.999' is neither an address nor a name"),
        (["--host", "x" * 300], "is neither an address nor a name"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "short").write_text("short")
    line = refused(tmp_path, *arguments)
    assert line.startswith("error: ")
    assert said in line
