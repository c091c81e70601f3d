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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any

LOG_FILE, PID_FILE, ENDED_FILE = "log.txt", "supervisor.pid", "ended.json"
GRACE_SECONDS = 10
"""Between SIGTERM and SIGKILL, as in a pod of short notice."""


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or none."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


class _Stopped(Exception):
    """SIGTERM came while the child was waited for."""


class _Termination:
    """SIGTERM, heeded only while the child is waited for.

    An exception at any other moment would leave a child behind that was just started, or lose the end of one.
    """

    def __init__(self) -> None:
        self._requested = False
        self._heeded = False

    def request(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        self._requested = True
        self._raise_where_heeded()

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Raise _Stopped inside, once, whether the signal comes now or came before."""
        self._heeded = True
        try:
            if self._requested:
                self._raise_where_heeded()
            yield
        finally:
            self._heeded = False

    def _raise_where_heeded(self) -> None:
        if self._heeded:
            self._heeded = False
            raise _Stopped


def main(arguments: list[str]) -> int:
    """Run ``FOLDER TIMEOUT WORKDIR COMMAND…`` and leave ``ended.json`` in FOLDER, unless told to stop before."""
    folder, timeout, workdir, command = Path(arguments[0]), float(arguments[1]), arguments[2], arguments[3:]
    termination = _Termination()
    signal.signal(signal.SIGTERM, termination.request)
    write_whole(folder / PID_FILE, str(os.getpid()))
    started = time.time()
    try:
        with (folder / LOG_FILE).open("ab") as log:
            ended = _run(command, workdir, timeout, log, termination)
    except _Stopped:
        return 128 + signal.SIGTERM
    write_whole(folder / ENDED_FILE, json.dumps({"start": started, **ended, "end": time.time()}))
    return 0


def _run(command: list[str], workdir: str, timeout: float, log: IO[bytes], termination: _Termination) -> dict[str, Any]:
    """Run the command to its end; raises _Stopped where it was stopped before."""
    try:
        child = subprocess.Popen(
            command, cwd=workdir, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
        )
    except OSError as error:
        return {"timedOut": False, "exitCode": 127, "error": f"cannot run {command[0]!r}: {error.strerror}"}
    try:
        with termination.heeded():
            child.wait(timeout)
    except subprocess.TimeoutExpired:
        _end(child)
        return {"timedOut": True, "exitCode": child.returncode}
    except _Stopped:
        if child.poll() is None:
            _end(child)
            raise
    finally:
        # Nothing outlives the trial's own process, as in a container.
        _signal_group(child, signal.SIGKILL)
    return {"timedOut": False, "exitCode": child.returncode}


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child, first kindly, and whatever of its group hears the signal."""
    _signal_group(child, signal.SIGTERM)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal_group(child, signal.SIGKILL)
        child.wait()


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
