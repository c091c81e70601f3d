"""Local attempts and the moments at which a supervisor may vanish."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from evonas.local.processes.attempts import LOCK_FILE, LocalAttempts
from evonas.local.processes.supervise import PID_FILE
from evonas.search.codec import SearchIdentity
from evonas.spec import SearchSpec
from harness.waiting import PATIENCE, wait_for
from tests.unit.local.test_resume import write_manifest

HOLD_LOCK = """
import fcntl, sys
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
input()
"""


def is_awaited(lock: Path) -> bool:
    """Say whether somebody waits for a lock; the kernel lists such waits with an arrow."""
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return any("->" in line and line[-3].endswith(f":{lock.stat().st_ino}") for line in lines)


def test_stop_of_an_attempt_that_just_ended_by_itself_failed(tmp_path: Path) -> None:
    spec = SearchSpec.parse(yaml.safe_load(write_manifest(tmp_path).read_text()))
    attempts = LocalAttempts(SearchIdentity("here", "uid"), spec, tmp_path, on_end=lambda: None)
    folder = attempts.folder(0, 1)
    folder.mkdir(parents=True)
    gone = subprocess.Popen(["true"])
    gone.wait()
    (folder / PID_FILE).write_text(str(gone.pid))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(folder / LOCK_FILE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with ThreadPoolExecutor(1) as executor:
        stopped = executor.submit(attempts.stop, [(0, 1)])
        wait_for("the wait for the lock", lambda: stopped.done() or is_awaited(folder / LOCK_FILE))
        holder.communicate("\n", timeout=PATIENCE)
        stopped.result(PATIENCE)
