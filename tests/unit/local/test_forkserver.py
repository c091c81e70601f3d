"""The one process that forks all supervisors: whoever of run, server and supervisor is killed, nothing is run twice."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from evonas.local.locks import is_locked, wait_for_release
from evonas.local.processes import forkserver
from evonas.local.processes.supervise import ENDED_FILE, PID_FILE, Order
from evonas.local.processes.supervisors import Supervisors
from evonas.search.trial import TrialState
from harness.waiting import PATIENCE, wait_for
from tests.unit.local.runs import evonas, recorded, write_manifest
from tests.unit.local.test_supervise import process_named_in, wait_until_gone

UNTIL_GO = "while [ ! -e go ]; do sleep 0.05; done"

WITHOUT_PROCESSES = """
import os
from evonas.local.processes import forkserver

def fork():
    raise BlockingIOError(11, "Resource temporarily unavailable")

os.fork = fork
forkserver.main()
"""

KILLED_WHILE_STARTING = """
import os, signal, subprocess
from evonas.local.processes import forkserver

class Child(subprocess.Popen):
    def __init__(self, *arguments, preexec_fn, **options):
        def before_command():
            if {early}:
                os.kill(supervisor, signal.SIGKILL)
                while os.getppid() == supervisor:
                    pass
            preexec_fn()
            with open("child", "w") as file:
                file.write(str(os.getpid()))

        supervisor = os.getpid()
        super().__init__(*arguments, preexec_fn=before_command, **options)
        os.kill(supervisor, signal.SIGKILL)

subprocess.Popen = Child
forkserver.main()
"""
"""A server whose supervisors are killed before the group of their command is known, or as soon as it runs."""

INTERRUPTED_WHILE_ORDERING = """
import os, signal, socket
from evonas.cli import main

socket.socket.sendall = lambda connection, body: os.kill(os.getpid(), signal.SIGTERM)
main()
"""
"""A run that is interrupted when it has sent an attempt's lock, and not yet what is to be run."""


@pytest.fixture
def supervisors() -> Iterator[Supervisors]:
    started = Supervisors()
    yield started
    started.close()


def order(folder: Path, script: str) -> Order:
    folder.mkdir()
    return Order(str(folder), 600, str(folder), ["sh", "-c", script], dict(os.environ), 0)


def begin(supervisors: Supervisors, folder: Path, script: str) -> Path:
    """Start an attempt and return its lock, which is held from here on until it has ended."""
    wanted = order(folder, script)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        supervisors.start(wanted, lock.fileno())
    return folder / "lock"


def exit_code(folder: Path) -> int:
    code: int = json.loads((folder / ENDED_FILE).read_text())["exitCode"]
    return code


def test_many_attempts_at_once_are_each_written_down(tmp_path: Path, supervisors: Supervisors) -> None:
    locks = [begin(supervisors, tmp_path / str(number), f"exit {number}") for number in range(30)]
    for lock in locks:
        wait_for_release(lock)
    assert [exit_code(tmp_path / str(number)) for number in range(30)] == list(range(30))


def test_a_killed_server_takes_no_attempt_with_it_and_is_replaced(tmp_path: Path, supervisors: Supervisors) -> None:
    first = begin(supervisors, tmp_path / "first", UNTIL_GO)
    server = psutil.Process(process_named_in(tmp_path / "first" / PID_FILE)).ppid()
    os.kill(server, signal.SIGKILL)
    wait_until_gone(server)
    wait_for_release(begin(supervisors, tmp_path / "second", "exit 3"))
    assert exit_code(tmp_path / "second") == 3
    assert is_locked(first)
    (tmp_path / "first" / "go").touch()
    wait_for_release(first)
    assert exit_code(tmp_path / "first") == 0


def test_what_a_killed_supervisor_ran_does_not_go_on_beside_the_next_attempt(
    tmp_path: Path, supervisors: Supervisors
) -> None:
    folder = tmp_path / "attempt"
    lock = begin(supervisors, folder, "sleep 600 & echo $! > helper; echo $$ > child; wait")
    processes = [process_named_in(folder / name) for name in ("child", "helper")]
    os.kill(process_named_in(folder / PID_FILE), signal.SIGKILL)
    wait_for_release(lock)
    for process in processes:
        wait_until_gone(process)
    assert not (folder / ENDED_FILE).exists()


@pytest.mark.parametrize("early", [True, False], ids=["before its group is known", "as soon as it runs"])
def test_a_supervisor_killed_while_it_starts_its_trial_leaves_nothing_running(tmp_path: Path, early: bool) -> None:
    ours, theirs = socket.socketpair()
    folder = tmp_path / "attempt"
    with ours, theirs:
        program = KILLED_WHILE_STARTING.format(early=early)
        server = subprocess.Popen([sys.executable, "-c", program, str(theirs.fileno())], pass_fds=[theirs.fileno()])
        theirs.close()
        with (tmp_path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            forkserver.send(ours, order(folder, "echo $$ > ran; exec sleep 600"), lock.fileno())
        wait_for_release(tmp_path / "lock")
    assert server.wait(PATIENCE) == 0
    if early:
        assert not (folder / "ran").exists()
    else:
        wait_until_gone(process_named_in(folder / "child"))
    assert not (folder / ENDED_FILE).exists()


def test_a_server_whose_run_is_gone_stays_until_its_last_attempt_has_ended(
    tmp_path: Path, supervisors: Supervisors
) -> None:
    lock = begin(supervisors, tmp_path / "attempt", UNTIL_GO)
    server = psutil.Process(process_named_in(tmp_path / "attempt" / PID_FILE)).parent()
    assert server is not None
    supervisors.close()
    assert server.is_running()
    (tmp_path / "attempt" / "go").touch()
    wait_for_release(lock)
    assert exit_code(tmp_path / "attempt") == 0
    wait_until_gone(server.pid)


def test_what_escapes_an_attempt_does_not_hold_its_lock(tmp_path: Path, supervisors: Supervisors) -> None:
    folder = tmp_path / "attempt"
    escape = "setsid sh -c 'echo $$ > escaped; exec sleep 600' & until [ -s escaped ]; do sleep 0.05; done"
    wait_for_release(begin(supervisors, folder, f"{escape}; exit 4"))
    assert exit_code(folder) == 4
    os.kill(process_named_in(folder / "escaped"), signal.SIGKILL)


def test_an_attempt_for_which_there_is_no_process_says_so(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-c", WITHOUT_PROCESSES, str(theirs.fileno())]
        server = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()
        with (tmp_path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            forkserver.send(ours, order(tmp_path / "attempt", "true"), lock.fileno())
        wait_for("the end", (tmp_path / "attempt" / ENDED_FILE).exists)
        wait_for_release(tmp_path / "lock")
    assert server.wait(PATIENCE) == 0
    end = json.loads((tmp_path / "attempt" / ENDED_FILE).read_text())
    assert (end["exitCode"], end["error"]) == (127, "cannot start a process: Resource temporarily unavailable")


def test_a_run_that_is_interrupted_in_the_middle_of_an_order_ends_and_can_be_resumed(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "here")
    words = ["run", str(manifest), "--runs", str(tmp_path / "runs")]
    interrupted = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_ORDERING, *words], timeout=PATIENCE, check=False
    )
    assert interrupted.returncode == 128 + signal.SIGINT
    evonas(tmp_path, *words)
    assert {trial.state for trial in recorded(tmp_path, "here")} == {TrialState.SUCCEEDED}
