"""What the kubelet hears: 200 while all is well, else 503 and what is wrong."""

from __future__ import annotations

import socket

import aiohttp
import pytest

from evonas.errors import EvonasError
from evonas.operator.probes import Probe, serving
from evonas.operator.settings import OperatorSettings


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


async def test_probes_answer_with_every_problem_and_metrics_with_text() -> None:
    port = free_port()
    settings = OperatorSettings(metrics_host="127.0.0.1", metrics_port=port)
    problems: list[str | None] = [None, None]
    live, ready = Probe(lambda: problems[0], lambda: problems[1]), Probe()
    async with serving(settings, live=live, ready=ready), aiohttp.ClientSession() as session:

        async def ask(path: str) -> tuple[int, str]:
            async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                return answer.status, await answer.text()

        assert await ask("/livez") == (200, "ok\n")
        problems[:] = ["deaf", "stuck"]
        assert await ask("/livez") == (503, "deaf\nstuck\n")
        assert await ask("/readyz") == (200, "ok\n")
        ready.checks.append(lambda: "starting")
        assert await ask("/readyz") == (503, "starting\n")
        assert "python_info" in (await ask("/metrics"))[1]


async def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = OperatorSettings(metrics_host="127.0.0.1", metrics_port=taken.getsockname()[1])
        with pytest.raises(EvonasError, match="choose another --metrics-port"):
            async with serving(settings, live=Probe(), ready=Probe()):
                pass
