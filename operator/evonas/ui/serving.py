"""The process of `evonas ui`: a socket, uvicorn around the app, and an end without delay.

uvicorn lets answers under way finish before it ends; those that have no end, streams of changes, are ended first.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from evonas.errors import EvonasError
from evonas.ui.quiet import Seldom
from evonas.ui.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp

TRIES = 50
"""Ports that are tried in turn where none was asked for."""
LEAVE_SECONDS = 2
"""How long answers under way may take at the end."""
MAX_CONNECTIONS = 1000
BACKLOG = 2048
"""Connections that wait to be accepted, as uvicorn has it."""


@dataclass(frozen=True)
class Listening:
    """A socket that accepts connections, and what it is called."""

    socket: socket.socket
    host: str
    port: int
    skipped: int | None = None
    """The port that was to be used, and is taken."""

    @property
    def address(self) -> str:
        """The page's address for people on this machine, or elsewhere if a name was given."""
        name = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(self.name, self.name)
        return f"http://{name}:{self.port}/"

    @property
    def is_private(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)

    @property
    def name(self) -> str:
        """What it listens on, as addresses of pages have it."""
        return f"[{self.host}]" if ":" in self.host else self.host


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int, *, exactly: bool) -> Listening:
    """Listen on a port, or, unless it must be ``exactly`` that, to one of the next; 0 is any free one.
    EvonasError if that is impossible.
    """
    last: OSError | None = None
    for candidate in range(port, port + (1 if exactly or port == 0 else TRIES)):
        try:
            bound = _bind(host, candidate)
        except (socket.gaierror, UnicodeError) as error:
            raise EvonasError(f"--host: {host[:100]!r} is neither an address nor a name that is known here") from error
        except OSError as error:
            last = error
            continue
        return Listening(bound, host, bound.getsockname()[1], None if candidate == port else port)
    raise EvonasError(
        f"cannot listen on port {port} of {host}: {last.strerror if last is not None else ''}; choose another with"
        " --port, or 0 for any that is free"
    )


def _bind(host: str, port: int) -> socket.socket:
    [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found = socket.socket(family, kind, protocol)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        # Now, not once there is an app: until somebody listens, others may bind the same port.
        found.listen(BACKLOG)
    except OSError:
        found.close()
        raise
    found.set_inheritable(True)
    return found


class Server(uvicorn.Server):
    """uvicorn, which ends all streams as soon as it is told to end."""

    def __init__(self, app: ASGIApp, service: Service, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="on",
                ws="none",
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=MAX_CONNECTIONS,
                timeout_graceful_shutdown=LEAVE_SECONDS,
            )
        )
        logging.getLogger("uvicorn.error").addFilter(Seldom(MAX_CONNECTIONS))
        self._service = service
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then everything else."""
        self._service.changes.end()
        await super().shutdown(sockets)


def serve(app: ASGIApp, service: Service, sockets: Sequence[socket.socket], ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``ready`` is called once requests are answered."""
    server = Server(app, service, ready)
    with _signals_end_it():
        asyncio.run(server.serve(list(sockets)))


@contextmanager
def _signals_end_it() -> Iterator[None]:
    """Have uvicorn's own handlers followed by none: it raises the signals that it has caught again at its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ended(number: int, frame: FrameType | None) -> None:
        """That was what the signal was for."""

    before = {number: signal.signal(number, ended) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
