"""Forks the supervisors of a run's attempts, ``python -m``: Python starts once per run instead of once per trial.

An order is a length, its JSON, and the descriptor of the attempt's lock, which the supervisor holds until it ends. If
the server is killed, its supervisors live on and the run starts another server; if the run is killed, the server ends
after its last supervisor. If a supervisor is killed, so is its trial: the attempt counts as vanished and is started
again. Standard library only.
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
    """Send an order; OSError if nobody is there to receive it."""
    body = json.dumps(vars(order)).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(body))], [lock])
    connection.sendall(body)


def _receive(connection: socket.socket) -> tuple[Order, int] | None:
    """Return the next order and its lock, None if no more will come."""
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
    """Return that many bytes, or fewer if the run was killed while writing them."""
    body = b""
    # A signal ends a wait for all of them early.
    while len(body) < count and (chunk := connection.recv(count - len(body), socket.MSG_WAITALL)):
        body += chunk
    return body


class _Server:
    """Has a child per running attempt."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._wakeups = Wakeups(signal.SIGCHLD)
        self._groups: dict[int, mmap.mmap] = {}
        """The process group of each supervisor's trial, which the supervisor writes there."""

    def serve(self) -> None:
        """Take orders until there is nobody to give any and nothing is running."""
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
            # Otherwise the run would not notice that the server is gone.
            self._connection.close()
            self._wakeups.close()
            os.setsid()
            code = supervise(order, on_start=lambda child: _GROUP.pack_into(group, 0, child))
        except OSError as error:
            print(f"evonas: no record of what runs in {order.folder}: {error.strerror}", file=sys.stderr)
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
    """Serve the run at the other end of the descriptor given as the first argument."""
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        server = _Server(connection)
        # Existing objects are never collected again, so that the children do not copy their pages.
        gc.collect()
        gc.freeze()
        server.serve()


if __name__ == "__main__":
    main()
