"""The tests' side of the server: starts it when first needed, and has it start programs."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Protocol

from tests.tier import EXHAUSTIVE

ROOT = Path(__file__).parents[2]
TRIALS = (
    "torch",
    "evonas_trial.cnn.model",
    "evonas_trial.mlp.model",
    "evonas_trial.spiking.training",
    "evonas_trial.training.trial",
)
"""What programs import, short of the programs themselves: a module that is to run as a program must not be imported."""
CLUSTER = (
    "evonas.agents.evolution",
    "evonas.cli",
    "evonas.operator.control_loop",
    *(f"evonas.commands.{name}" for name in ("doctor", "explain", "export", "get", "operator", "plan", "replay")),
)
"""The same for `evonas` on a cluster: its operator, and the commands that tests give most."""
LOCAL = (
    "evonas.agents.evolution",
    "evonas.cli",
    *(f"evonas.commands.{name}" for name in ("enqueue", "explain", "export", "logs", "pin", "replay", "run", "veto")),
)
"""The same for `evonas` on this machine."""


class Started(Protocol):
    """A program that was started: the part of ``subprocess.Popen`` that tests use."""

    pid: int

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, for a signal its negative number."""


class _Forked:
    """A child of the server, which tells how it ended."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.pid = int(connection.recv(100))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        try:
            return self.wait(timeout=0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                answer = self._connection.recv(100)
            except (TimeoutError, BlockingIOError) as error:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0) from error
            self.returncode = int(answer)
            self._connection.close()
        return self.returncode


def start(
    module: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    output: IO[bytes] | None = None,
    errors: IO[bytes] | None = None,
    imported: tuple[str, ...] = TRIALS,
) -> Started:
    """Start ``python -m MODULE``, with this process's output and errors where no files are given.

    What is ``imported`` it finds imported already; it ends with this process, however that ends.
    """
    if EXHAUSTIVE:
        command = [sys.executable, "-m", module, *arguments]
        nothing = subprocess.DEVNULL
        return subprocess.Popen(command, env=environment, cwd=folder, stdin=nothing, stdout=output, stderr=errors)
    request = {
        "module": module,
        "arguments": list(arguments),
        "environment": dict(environment),
        "folder": str(folder or Path.cwd()),
    }
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(_server(imported))
    with Path(os.devnull).open("rb") as empty:
        descriptors = [empty.fileno(), output.fileno() if output else 1, errors.fileno() if errors else 2]
        socket.send_fds(connection, [json.dumps(request).encode()], descriptors)
        return _Forked(connection)


def run(
    module: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    timeout: float = 300,
    imported: tuple[str, ...] = TRIALS,
) -> subprocess.CompletedProcess[str]:
    """Do what ``subprocess.run`` does with a program's output captured as text."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = start(
            module, arguments, environment=environment, folder=folder, output=output, errors=errors, imported=imported
        )
        try:
            code = process.wait(timeout)
        except BaseException:
            os.kill(process.pid, 9)
            raise
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess([module, *arguments], code, *texts)


@cache
def _server(modules: tuple[str, ...]) -> str:
    """Start the server of these modules, once in each process of the tests; return its socket."""
    folder = tempfile.mkdtemp(prefix="evonas-warm-")
    path = str(Path(folder) / "socket")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("EVONAS_", "POD_"))}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        number = listener.fileno()
        command = [sys.executable, "-m", "tests.warm.server", str(number), *modules]
        server = subprocess.Popen(command, cwd=ROOT, env=clean, stdin=subprocess.PIPE, pass_fds=[number])

    def end() -> None:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()
        shutil.rmtree(folder)

    atexit.register(end)
    return path
