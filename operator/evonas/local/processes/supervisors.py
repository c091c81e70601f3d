"""The run's end of ``forkserver``: gives it orders, and restarts it if it is gone."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import suppress

from evonas.local.processes import forkserver
from evonas.local.processes.supervise import Order

ENDING_SECONDS = 1


class Supervisors:
    """Starts the supervisors of one run."""

    def __init__(self) -> None:
        self._connection: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def start(self, order: Order, lock: int) -> None:
        """Have a supervisor run an order and hold the lock; the caller may then close its own descriptor of it."""
        if self._connection is not None:
            try:
                forkserver.send(self._connection, order, lock)
                return
            except OSError:
                # The server was killed; its supervisors continue.
                self.close()
        self._connection = self._start_server()
        forkserver.send(self._connection, order, lock)

    def disconnect(self) -> None:
        """Give no more orders, and have one dropped of which only a part was sent, which lets go of its lock."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Let the server end once nothing of it is running; does not wait for that."""
        self.disconnect()
        if self._server is not None:
            with suppress(subprocess.TimeoutExpired):
                # If nothing is running it ends at once.
                self._server.wait(ENDING_SECONDS)
            self._server = None

    def _start_server(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", forkserver.__name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                # Ctrl-C is for the run, which stops what it has started.
                start_new_session=True,
                pass_fds=[theirs.fileno()],
            )
        return ours
