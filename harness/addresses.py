"""Ports and network numbers that no other instance has, handed out under one lock."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable

from harness import state
from harness.errors import ClusterError

# Below the range from which the kernel takes the ports of outgoing connections: a port picked here stays free until
# used.
_PORTS = range(20000, 30000)
_NUMBERS = range(1, 250)


def free_number() -> int:
    taken = {instance.number for instance in state.every()}
    try:
        return next(number for number in _NUMBERS if number not in taken)
    except StopIteration:
        raise ClusterError(f"{len(taken)} test clusters are recorded; `down` some") from None


def free_ports(names: Iterable[str]) -> dict[str, int]:
    taken = {port for instance in state.every() for port in instance.ports.values()}
    candidates = (port for port in random.sample(_PORTS, len(_PORTS)) if port not in taken and _is_free(port))
    return dict(zip(names, candidates, strict=False))


def free_port() -> int:
    return free_ports(["port"])["port"]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0
