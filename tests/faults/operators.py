"""Operators that act without a lease, where nothing else is said.

What an election adds is shown by ``tests/integration/test_high_availability.py``, and a leader may end where these must
go on.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from tests import warm
from tests.operator_process import PATIENT_LEASE

HASTY_LEASE = (*PATIENT_LEASE, "--retry-period=500ms")
"""Soon read for the third time."""


class Operator:
    """One life of an operator."""

    def __init__(
        self,
        kubeconfig: Path,
        namespace: str,
        log: Path,
        *,
        resync_seconds: float = 600,
        elected: bool = False,
        workloads: Sequence[str] = (),
    ) -> None:
        self._log = log
        election = [*HASTY_LEASE, "--lease-namespace", namespace] if elected else ["--no-leader-election"]
        words = ["operator", *election, "--namespace", namespace, "--kubeconfig", str(kubeconfig)]
        words += [word for kind in workloads for word in ("--workload", kind)]
        words += ["--metrics-host", "127.0.0.1", "--metrics-port", "0", "--resync-seconds", str(resync_seconds)]
        with log.open("ab") as file:
            self._process = warm.start(
                "evonas", words, environment=os.environ, output=file, errors=file, imported=warm.CLUSTER
            )

    @property
    def is_alive(self) -> bool:
        """Say whether it still runs."""
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """What it and others with the same file have printed."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def kill(self) -> None:
        """SIGKILL; returns when it is dead."""
        if self.is_alive:
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
