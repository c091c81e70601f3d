"""The supervisor of one attempt: every end is written down, and nothing of the attempt outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from evonas.local.processes.logfile import LOG_FILE
from evonas.local.processes.supervise import ENDED_FILE, Order
from harness.waiting import PATIENCE, wait_for

SUPERVISE = """
import json, os, signal, subprocess, sys
from pathlib import Path
from evonas.local.processes import supervise
order = supervise.Order(**json.loads(sys.argv[1]))
{change}
sys.exit(supervise.supervise(order, lambda group: None))
"""

SHORT_GRACE = "supervise.GRACE_SECONDS = 0.2"

SIGTERM_WITHIN = """
class Child(subprocess.Popen):
    def {method}(self, *arguments, **options):
        result = super().{method}(*arguments, **options)
        (Path(order.folder) / "child").write_text(str(self.pid))
        if {condition}:
            os.kill(os.getpid(), signal.SIGTERM)
        return result

supervise.subprocess.Popen = Child
"""
"""A supervisor that is told to stop at the very moment when a method of its child returns."""


def start(
    folder: Path, script: str, timeout: float = 600, change: str = "", command: tuple[str, ...] = (), max_log: int = 0
) -> subprocess.Popen[bytes]:
    words = [*command] or ["sh", "-c", script]
    order = Order(str(folder), timeout, str(folder), words, dict(os.environ), max_log)
    program = [sys.executable, "-c", SUPERVISE.format(change=change)]
    return subprocess.Popen([*program, json.dumps(vars(order))])


def ended(folder: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((folder / ENDED_FILE).read_text())
    return body


def process_named_in(path: Path) -> int:
    return int(wait_for(f"a process id in {path}", lambda: path.exists() and path.read_text().strip()))


def wait_until_gone(process: int) -> None:
    # A signal is sent before it is heard.
    wait_for(f"the end of process {process}", lambda: is_gone(process))


def is_gone(process: int) -> bool:
    """Say whether nothing of the process runs any more; one that nobody waits for may stay behind as a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_exit_code_span_and_output_are_written_down(tmp_path: Path) -> None:
    before = time.time()
    assert start(tmp_path, "pwd; echo words >&2; exit 7").wait(PATIENCE) == 0
    end = ended(tmp_path)
    assert (end["exitCode"], end["timedOut"]) == (7, False)
    assert before <= end["start"] <= end["end"] <= time.time()
    assert (tmp_path / LOG_FILE).read_text() == f"{tmp_path}\nwords\n"


def test_death_by_a_signal_is_a_negative_exit_code(tmp_path: Path) -> None:
    start(tmp_path, "kill -9 $$").wait(PATIENCE)
    assert ended(tmp_path)["exitCode"] == -9


@pytest.mark.parametrize(
    ("command", "words"),
    [("no-such-program", "No such file or directory"), ("/", "Permission denied")],
)
def test_command_that_cannot_be_run_says_why(tmp_path: Path, command: str, words: str) -> None:
    assert start(tmp_path, "", command=(command,)).wait(PATIENCE) == 0
    end = ended(tmp_path)
    assert (end["exitCode"], end["timedOut"]) == (127, False)
    assert end["error"] == f"cannot run {command!r}: {words}"


def test_timeout_ends_the_attempt_and_all_that_it_started(tmp_path: Path) -> None:
    assert start(tmp_path, "sleep 600 & echo $! > helper; wait", timeout=3).wait(PATIENCE) == 0
    end = ended(tmp_path)
    assert end["timedOut"]
    assert end["exitCode"] == -signal.SIGTERM
    assert end["end"] - end["start"] >= 3
    wait_until_gone(process_named_in(tmp_path / "helper"))


def test_attempt_that_ignores_sigterm_is_killed_when_its_time_to_leave_is_over(tmp_path: Path) -> None:
    start(tmp_path, "trap '' TERM; while :; do sleep 1; done", timeout=3, change=SHORT_GRACE).wait(PATIENCE)
    end = ended(tmp_path)
    assert (end["timedOut"], end["exitCode"]) == (True, -signal.SIGKILL)


def test_sigterm_stops_the_whole_group_and_leaves_no_end(tmp_path: Path) -> None:
    supervisor = start(tmp_path, "sleep 600 & echo $! > helper; echo $$ > child; wait")
    processes = [process_named_in(tmp_path / name) for name in ("child", "helper")]
    supervisor.terminate()
    assert supervisor.wait(PATIENCE) == 128 + signal.SIGTERM
    for process in processes:
        wait_until_gone(process)
    assert not (tmp_path / ENDED_FILE).exists()


def test_helper_that_ignores_sigterm_outlived_a_stopped_attempt(tmp_path: Path) -> None:
    supervisor = start(tmp_path, "(trap '' TERM; echo ready > ready; sleep 600) & echo $! > helper; wait")
    wait_for("the helper's deafness", (tmp_path / "ready").exists)
    supervisor.terminate()
    supervisor.wait(PATIENCE)
    wait_until_gone(process_named_in(tmp_path / "helper"))


def test_helper_in_the_background_outlived_an_attempt_that_ended_by_itself(tmp_path: Path) -> None:
    start(tmp_path, "sleep 600 & echo $! > helper").wait(PATIENCE)
    assert ended(tmp_path)["exitCode"] == 0
    wait_until_gone(process_named_in(tmp_path / "helper"))


def test_sigterm_while_the_child_was_being_started_left_it_running(tmp_path: Path) -> None:
    supervisor = start(tmp_path, "exec sleep 600", change=SIGTERM_WITHIN.format(method="__init__", condition=True))
    assert supervisor.wait(PATIENCE) == 128 + signal.SIGTERM
    wait_until_gone(process_named_in(tmp_path / "child"))
    assert not (tmp_path / ENDED_FILE).exists()


def test_sigterm_as_the_child_ended_lost_its_end(tmp_path: Path) -> None:
    supervisor = start(tmp_path, "exit 3", change=SIGTERM_WITHIN.format(method="poll", condition="result is not None"))
    assert supervisor.wait(PATIENCE) == 0
    assert ended(tmp_path)["exitCode"] == 3
