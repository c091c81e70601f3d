"""Operators as real processes that start in milliseconds: forked from a server that has imported everything already.

They act without a lease: what an election adds is shown by ``tests/integration/test_high_availability.py``, and a
leader may end where these must go on. ``evonas operator`` needs two seconds of processor time for its imports alone;
hundreds of starts would be minutes.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import threading
from multiprocessing.process import BaseProcess
from pathlib import Path

from evonas.server import serve
from evonas.settings import OperatorSettings

_CONTEXT = multiprocessing.get_context("forkserver")
# pytest is imported by its own start script, which multiprocessing runs again in every child.
_CONTEXT.set_forkserver_preload([__name__, "pytest", "evonas.agents.evolution"])


class ForkedOperator:
    """One life of an operator."""

    def __init__(self, kubeconfig: Path, namespace: str, log: Path, *, resync_seconds: float = 600) -> None:
        self._log = log
        settings = OperatorSettings(
            namespaces=(namespace,),
            kubeconfig=kubeconfig,
            metrics_host="127.0.0.1",
            metrics_port=0,
            resync_seconds=resync_seconds,
        )
        self._process: BaseProcess = _CONTEXT.Process(target=_operate, args=(settings, log), daemon=True)
        self._process.start()

    @property
    def is_alive(self) -> bool:
        """Say whether it still runs."""
        return self._process.is_alive()

    @property
    def log(self) -> str:
        """What it and others with the same file have printed."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def kill(self) -> None:
        """SIGKILL; returns when it is dead."""
        self._process.kill()
        self._process.join()


def _operate(settings: OperatorSettings, log: Path) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True)
    asyncio.run(serve(settings))


def _end_with_parent() -> None:
    """End when pytest does, however that ends: a SIGKILL leaves it no time to stop anybody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
