"""Runs one attempt as a child process and writes down how it ended; a process of its own, ``python -m``.

It outlives a killed `evonas run`: the file that it leaves is to the local run what a finished Job is to the operator.
It is alive exactly as long as the lock that it inherited is held. Standard library only, so that it starts at once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

LOG_FILE, PID_FILE, ENDED_FILE = "log.txt", "supervisor.pid", "ended.json"
GRACE_SECONDS = 10
"""Between SIGTERM and SIGKILL, as in a pod of short notice."""


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or none."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def main(arguments: list[str]) -> int:
    """Run ``FOLDER TIMEOUT WORKDIR COMMAND…`` and leave ``ended.json`` in FOLDER, unless told to stop before."""
    folder, timeout, workdir, command = Path(arguments[0]), float(arguments[1]), arguments[2], arguments[3:]
    signal.signal(signal.SIGTERM, _stop)
    write_whole(folder / PID_FILE, str(os.getpid()))
    started = time.time()
    ended: dict[str, Any] = {"start": started, "timedOut": False}
    with (folder / LOG_FILE).open("ab") as log:
        try:
            child = subprocess.Popen(
                command, cwd=workdir, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        except OSError as error:
            ended |= {"error": f"cannot run {command[0]!r}: {error.strerror}", "exitCode": 127}
        else:
            try:
                ended["exitCode"] = child.wait(timeout)
            except subprocess.TimeoutExpired:
                _end(child)
                ended |= {"timedOut": True, "exitCode": child.returncode}
            except SystemExit:
                _end(child)
                raise
    write_whole(folder / ENDED_FILE, json.dumps(ended | {"end": time.time()}))
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and all that it started, first kindly."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
