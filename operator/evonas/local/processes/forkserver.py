"""Forks the supervisors of a run's attempts, ``python -m``: one start of Python a run instead of one a trial.

An order is a length, its JSON, and the descriptor of the attempt's lock, which the supervisor holds until it ends. A
killed server takes no supervisor with it, and the run starts another; a killed run ends the server once its last
supervisor has ended. Where a supervisor is killed, what it ran is too: the attempt counts as vanished and will be
started again. Standard library only.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import signal
import socket
import struct
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path

from evonas.local.processes.supervise import CANNOT_RUN, Order, supervise, write_end
from evonas.local.processes.wakeups import Wakeups

_LENGTH = struct.Struct("!Q")
_GROUP = struct.Struct("q")


def send(connection: socket.socket, order: Order, lock: int) -> None:
    """Send an order; OSError where nobody is there to take it."""
    body = json.dumps(vars(order)).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(body))], [lock])
    connection.sendall(body)


def _receive(connection: socket.socket) -> tuple[Order, int] | None:
    """Return the next order and its lock, None where no more will come."""
    head, locks, _, _ = socket.recv_fds(connection, _LENGTH.size, 1)
    if not locks:
        return None
    head += _read(connection, _LENGTH.size - len(head))
    (length,) = _LENGTH.unpack(head) if len(head) == _LENGTH.size else (0,)
    body = _read(connection, length)
    if not body or len(body) < length:
        os.close(locks[0])
        return None
    return Order(**json.loads(body)), locks[0]


def _read(connection: socket.socket, count: int) -> bytes:
    """Return so many bytes, fewer where the run was killed as it wrote them."""
    body = b""
    # A signal ends a wait for all of them early.
    while len(body) < count and (chunk := connection.recv(count - len(body), socket.MSG_WAITALL)):
        body += chunk
    return body


class _Server:
    """Has a child for each attempt that is under way."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._wakeups = Wakeups(signal.SIGCHLD)
        self._groups: dict[int, mmap.mmap] = {}
        """By supervisor, the process group of its trial, which it writes there."""

    def serve(self) -> None:
        """Take orders until there is nobody to give any and nothing under way."""
        is_open = True
        while is_open or self._groups:
            listened = [self._connection.fileno()] if is_open else []
            readable = self._wakeups.wait(None, listened)
            self._reap()
            if readable:
                received = _receive(self._connection)
                if received is None:
                    is_open = False
                else:
                    self._start(*received)

    def _start(self, order: Order, lock: int) -> None:
        group = mmap.mmap(-1, _GROUP.size)
        try:
            supervisor = os.fork()
        except OSError as error:
            write_end(Path(order.folder), time.time(), CANNOT_RUN, error=f"cannot start a process: {error.strerror}")
            os.close(lock)
            return
        if supervisor == 0:
            self._become_supervisor(order, group)
        os.close(lock)
        self._groups[supervisor] = group

    def _become_supervisor(self, order: Order, group: mmap.mmap) -> None:
        code = 1
        try:
            # Else the run would not hear that the server is gone.
            self._connection.close()
            self._wakeups.close()
            os.setsid()
            code = supervise(order, on_start=lambda child: _GROUP.pack_into(group, 0, child))
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(code)

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                with self._groups.pop(ended[0]) as group:
                    (child,) = _GROUP.unpack_from(group)
                if os.WIFSIGNALED(ended[1]) and child:
                    with suppress(ProcessLookupError):
                        os.killpg(child, signal.SIGKILL)


def main() -> None:
    """Serve the run at the other end of the descriptor that the first argument names."""
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        server = _Server(connection)
        # What is there now is never looked at again: the children shall not copy it.
        gc.collect()
        gc.freeze()
        server.serve()


if __name__ == "__main__":
    main()
