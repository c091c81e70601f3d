"""Puts the operator together: connection, store, queue, streams, metrics; `evonas operator` calls ``serve``."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine

from aiohttp import web
from prometheus_client.aiohttp import make_aiohttp_handler

from evonas.cluster.api import Api, ApiError, NotFound
from evonas.cluster.connection import load_connection
from evonas.cluster.queue import KeyedQueue
from evonas.cluster.reconcile import Reconciler
from evonas.cluster.resources import SEARCHES, TRIALS
from evonas.cluster.resync import Resync
from evonas.cluster.store import Store
from evonas.errors import EvonasError
from evonas.handlers import run_streams
from evonas.settings import OperatorSettings

logger = logging.getLogger(__name__)


async def serve(settings: OperatorSettings) -> None:
    """Run the operator until SIGTERM or SIGINT; raises EvonasError where it cannot start."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    connection = await load_connection(settings.kubeconfig, settings.context)
    async with Api(connection) as api:
        await _check_kinds(api, settings)
        store = Store()
        queue = KeyedQueue(Reconciler(api, store).reconcile, settings.workers)
        store.subscribe(queue.add)
        resync = Resync(api, store, settings.namespaces)
        await resync.run_once()
        logger.info(
            "watching %s; %d searches found", ", ".join(settings.namespaces) or "all namespaces", len(store.searches)
        )
        runner = await _serve_metrics(settings)
        try:
            await _until_first_ends(
                run_streams(connection, store, settings.namespaces, stop),
                queue.run(),
                resync.run_every(settings.resync_seconds),
            )
        finally:
            await runner.cleanup()
    logger.info("stopped")


async def _check_kinds(api: Api, settings: OperatorSettings) -> None:
    """Fail at once where our kinds are not installed: a stream of an unknown kind would wait for ever."""
    for resource in (SEARCHES, TRIALS):
        try:
            async for _ in api.list(resource, settings.namespaces[0] if settings.namespaces else None):
                break
        except NotFound as error:
            raise EvonasError(f"the cluster has no {resource.plural}.{resource.group}; apply crds/ first") from error
        except ApiError as error:
            raise EvonasError(f"cannot list {resource.plural} at {api.server}: {error}") from error


async def _serve_metrics(settings: OperatorSettings) -> web.AppRunner:
    app = web.Application()
    app.router.add_get("/metrics", make_aiohttp_handler())
    app.router.add_get("/healthz", _healthy)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, settings.metrics_host, settings.metrics_port)
    try:
        await site.start()
    except OSError as error:
        raise EvonasError(f"cannot serve metrics: {error}; choose another --metrics-port") from error
    logger.info("metrics on port %d", runner.addresses[0][1])
    return runner


async def _healthy(request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _until_first_ends(*parts: Coroutine[None, None, None]) -> None:
    """Run the parts side by side; when one ends, well or not, the others are cancelled."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
