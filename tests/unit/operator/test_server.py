"""How the parts of one operator process are put together."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from evonas.errors import EvonasError
from evonas.operator import server
from evonas.operator.control_loop import ControlLoop
from evonas.operator.settings import OperatorSettings


async def test_the_lease_may_be_renewed_while_the_work_is_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The imports blocked the event loop for longer than the lease lasted, on a machine that was slow that day."""
    renewed = threading.Event()

    def import_control_loop() -> type[ControlLoop]:
        assert renewed.wait(60), "the event loop stood still"
        raise EvonasError("imported")

    monkeypatch.setattr(server, "_import_control_loop", import_control_loop)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    asyncio.get_running_loop().call_later(0.1, renewed.set)
    with pytest.raises(EvonasError, match="imported"):
        await server.serve(OperatorSettings(kubeconfig=kubeconfig, metrics_host="127.0.0.1", metrics_port=0))


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: here, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: me, user: {}}]
contexts: [{name: here, context: {cluster: here, user: me}}]
"""
