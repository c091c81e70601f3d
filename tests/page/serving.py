"""`evonas ui` as a process of its own, started from nothing: its address is what it prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from harness.addresses import free_port
from harness.waiting import PATIENCE, wait_for


class Server:
    """`evonas ui` over some places; start it, kill it, start it again, at the same port."""

    def __init__(
        self, log: Path, arguments: Sequence[str] = (), *, variables: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._log = log
        self._arguments = arguments
        # Away from any cluster of this shell, unless one is named.
        ours = {name: value for name, value in os.environ.items() if name not in ("KUBECONFIG", "HOME")}
        self._environment = {**ours, "HOME": str(log.parent), **variables}
        self._port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        # A busy machine may take a while to let go of a port.
        command = [sys.executable, "-m", "evonas", "ui", "--no-open", "--port", str(self._port), *self._arguments]
        begin = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=self._environment, cwd=self._log.parent
            )
        wait_for("the server's address", lambda: self._says(begin))
        wait_for("the server's answer", self._answers)

    def _says(self, begin: int) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"evonas ui ended with {self.process.poll()}:\n{self.log}")
        return self.at().encode() in self._log.read_bytes()[begin:]

    def _answers(self) -> bool:
        try:
            return self.ask("/healthz")[0] == 200
        except urllib.error.URLError:
            return False

    @property
    def log(self) -> str:
        """All that it printed, over all its lives."""
        return self._log.read_text(errors="replace")

    @property
    def address(self) -> str:
        """Where it is, without a path."""
        return f"http://127.0.0.1:{self._port}"

    def at(self, path: str = "/") -> str:
        """Return the address of a page."""
        return self.address + path

    def page_of(self, name: str, trial: int | None = None) -> str:
        """Return the address of a search's page, or of one of its trials."""
        under = "" if trial is None else f"/trials/{trial}"
        return self.at(f"/searches/{quote(self.id_of(name), safe='')}{under}")

    def id_of(self, name: str) -> str:
        """Return the id of the search of that name, once the server knows it."""

        def known() -> str | None:
            listed = self.get("/api/v1/searches")["searches"]
            return next((search["id"] for search in listed if search["name"] == name), None)

        found = wait_for(f"the server to know {name}", known)
        assert found is not None
        return found

    def get(self, path: str) -> Any:
        """GET what the API has there."""
        status, text = self.ask(path)
        assert status == 200, text
        return json.loads(text)

    def ask(self, path: str, body: Any = None, headers: Mapping[str, str] = MappingProxyType({})) -> tuple[int, str]:
        """GET a path, or POST a body to it; return the status and the text."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.at(path), data=data, headers=dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """End it as a terminal's Ctrl-C does, and return its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=PATIENCE)
        self.process = None
        return code
