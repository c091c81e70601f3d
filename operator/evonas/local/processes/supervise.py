"""Runs one attempt as a child process and records how it ended; a separate process, forked by ``forkserver``.

It outlives a killed `evonas run`: the file it leaves is the local run's counterpart of a finished Job. It is alive
exactly as long as the lock it was given is held. Hardly more than the standard library, to keep the fork small.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evonas.local.processes.log_results import LogResults
from evonas.local.processes.logfile import LOG_FILE, BoundedLog
from evonas.local.processes.wakeups import Wakeups
from evonas.local.processes.whole_files import write_whole
from evonas.search.log_reading import Wanted

PID_FILE, ENDED_FILE = "supervisor.pid", "ended.json"
GRACE_SECONDS = 10
"""Seconds between SIGTERM and SIGKILL, as in a pod with a short grace period."""
LOOK_SECONDS = 0.25
"""Seconds between two checks of the log's size."""
CANNOT_RUN = 127
"""Exit code of a command that could not be started, as in a shell."""


@dataclass(frozen=True)
class Order:
    """What to run."""

    folder: str
    """The attempt's folder, which holds its log, its end and everything else about it."""
    timeout: float
    """Seconds."""
    workdir: str
    command: Sequence[str]
    environment: Mapping[str, str]
    max_log: int
    """Bytes of the log to keep; 0 keeps all."""
    wanted: Mapping[str, Any] | None = None
    """What to look for in the log, as fields of ``Wanted``; None if the trial reports by itself."""


def supervise(order: Order, on_start: Callable[[int], object]) -> int:
    """Run an order and leave ``ended.json`` in its folder, unless SIGTERM comes first; returns the exit code.

    ``on_start`` is called with the process group of what is started, in that group, before the command runs.
    """
    folder = Path(order.folder)
    supervisor = os.getpid()

    def before_command() -> None:
        on_start(os.getpid())
        # Killed before the group was known: nobody else would end it. Killed later: whoever reaps us reads the group.
        if os.getppid() != supervisor:
            os._exit(CANNOT_RUN)

    wakeups = Wakeups(signal.SIGTERM, signal.SIGCHLD)
    write_whole(folder / PID_FILE, str(supervisor).encode())
    started = time.time()
    with BoundedLog(folder / LOG_FILE, order.max_log) as log:
        results = None if order.wanted is None else LogResults(folder / LOG_FILE, Wanted(**order.wanted))

        def look() -> None:
            # What is cut out was read before.
            log.look(None if results is None else results.look())

        try:
            child = subprocess.Popen(
                order.command,
                cwd=order.workdir,
                env=order.environment,
                stdin=subprocess.DEVNULL,
                stdout=log.file,
                stderr=log.file,
                process_group=0,
                preexec_fn=before_command,  # noqa: PLW1509 - a supervisor has one thread
            )
        except OSError as error:
            write_end(folder, started, CANNOT_RUN, error=f"cannot run {order.command[0]!r}: {error.strerror}")
            return 0
        try:
            ended = _wait(child, order.timeout, wakeups, look, until_sigterm=True)
            stopped = not ended and signal.SIGTERM in wakeups.heard
            if not ended:
                _signal_group(child, signal.SIGTERM)
                _wait(child, GRACE_SECONDS, wakeups, look)
        finally:
            # As in a container, nothing outlives the trial's own process.
            _signal_group(child, signal.SIGKILL)
            child.wait()
        if results is not None and not stopped:
            results.end()
    if stopped:
        return 128 + signal.SIGTERM
    write_end(folder, started, child.returncode, timed_out=not ended)
    return 0


def write_end(
    folder: Path, started: float, exit_code: int, *, timed_out: bool = False, error: str | None = None
) -> None:
    """Record how an attempt ended; ``error`` says why nothing was run."""
    said = {} if error is None else {"error": error}
    end = {"start": started, "timedOut": timed_out, "exitCode": exit_code, **said, "end": time.time()}
    write_whole(folder / ENDED_FILE, json.dumps(end).encode())


def _wait(
    child: subprocess.Popen[bytes],
    seconds: float,
    wakeups: Wakeups,
    look: Callable[[], None],
    *,
    until_sigterm: bool = False,
) -> bool:
    """Say whether the child ended within that many seconds and, if requested, before SIGTERM came.

    A child that ended at the very moment SIGTERM came has ended: its result is not lost.
    """
    deadline = time.monotonic() + seconds
    while child.poll() is None:
        left = deadline - time.monotonic()
        if left <= 0 or (until_sigterm and signal.SIGTERM in wakeups.heard):
            return False
        wakeups.wait(min(left, LOOK_SECONDS))
        look()
    return True


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)
