"""A relay's promise to the tests that break connections: those that it took end, however far they had come."""

from __future__ import annotations

import socket
from contextlib import suppress

from harness.waiting import PATIENCE, wait_for
from tests.integration.relay import Relay


def test_connection_that_is_broken_off_before_the_server_has_taken_it_ends() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as busy,
        # It waits to be taken, for which the server has no second place.
        socket.create_connection(busy.getsockname()),
        Relay(f"http://127.0.0.1:{busy.getsockname()[1]}") as relay,
        socket.create_connection(("127.0.0.1", relay.port)) as client,
    ):
        wait_for("the connection to be taken", lambda: relay.connections)
        relay.break_off()
        client.settimeout(PATIENCE)
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
