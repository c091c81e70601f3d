"""What the operator serves over HTTP: its metrics, whether it is ready, and whether it should be restarted.

It is served from the loop that does the work: a stuck loop does not answer, which the kubelet counts as a failure.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client.aiohttp import make_aiohttp_handler

from evonas.errors import EvonasError
from evonas.operator.settings import OperatorSettings

logger = logging.getLogger(__name__)

Check = Callable[[], str | None]
"""Returns what is wrong; None if nothing is."""


class Probe:
    """Answers 200 while no check finds a problem, otherwise 503 and the problems, one per line."""

    def __init__(self, *checks: Check) -> None:
        self.checks = list(checks)

    def problems(self) -> list[str]:
        """Return what the checks find."""
        return [problem for check in self.checks if (problem := check()) is not None]

    async def answer(self, request: web.Request) -> web.Response:
        """Handle a request from the kubelet."""
        problems = self.problems()
        return web.Response(status=503 if problems else 200, text="".join(f"{line}\n" for line in problems or ["ok"]))


@asynccontextmanager
async def serving(settings: OperatorSettings, *, live: Probe, ready: Probe) -> AsyncIterator[None]:
    """Serve ``/metrics``, ``/livez`` and ``/readyz`` for the duration of the block."""
    app = web.Application()
    app.router.add_get("/metrics", make_aiohttp_handler())
    app.router.add_get("/livez", live.answer)
    app.router.add_get("/readyz", ready.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.metrics_host, settings.metrics_port)
        try:
            await site.start()
        except OSError as error:
            raise EvonasError(f"cannot serve metrics: {error}; choose another --metrics-port") from error
        logger.info("metrics on port %d", runner.addresses[0][1])
        yield
    finally:
        await runner.cleanup()
