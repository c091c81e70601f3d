"""The watch of one object over real HTTP: what it yields, and how each way in which a stream ends is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from evonas.cluster.client.api import MAX_CONNECTIONS, Api, ApiError, Refused, Unavailable
from evonas.cluster.client.connection import Connection
from evonas.cluster.client.resources import LEASES

Script = Callable[[web.StreamResponse], Awaitable[None]]


@asynccontextmanager
async def server(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[Api]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    configuration = Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
    async with Api(Connection(configuration)) as api:
        yield api
    await runner.cleanup()


def streaming(script: Script) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        assert dict(request.query) == {"watch": "true", "fieldSelector": "metadata.name=lease"}
        answer = web.StreamResponse()
        await answer.prepare(request)
        await script(answer)
        return answer

    return handle


def line(type: str, version: str) -> bytes:
    return json.dumps({"type": type, "object": {"metadata": {"resourceVersion": version}}}).encode() + b"\n"


async def seen(api: Api, silence: float = 5) -> tuple[list[str], ApiError | None]:
    versions = []
    try:
        async for body in api.watch(LEASES, "here", "lease", silence=silence):
            versions.append("gone" if body is None else body["metadata"]["resourceVersion"])
    except ApiError as error:
        return versions, error
    return versions, None


async def test_yields_each_state_until_the_server_ends_the_stream() -> None:
    async def script(answer: web.StreamResponse) -> None:
        await answer.write(line("ADDED", "1") + line("MODIFIED", "2"))
        await answer.write(line("DELETED", "3"))

    async with server(streaming(script)) as api:
        assert await seen(api) == (["1", "2", "gone"], None)


async def test_a_silent_stream_is_an_error() -> None:
    async def script(answer: web.StreamResponse) -> None:
        await answer.write(line("ADDED", "1"))
        await asyncio.sleep(2)

    async with server(streaming(script)) as api:
        versions, error = await seen(api, silence=1)
    assert versions == ["1"]
    assert isinstance(error, Unavailable)


async def test_a_stream_cut_in_the_middle_of_a_line_is_an_error() -> None:
    async def script(answer: web.StreamResponse) -> None:
        await answer.write(line("ADDED", "1") + line("MODIFIED", "2")[:20])

    async with server(streaming(script)) as api:
        versions, error = await seen(api)
    assert versions == ["1"]
    assert isinstance(error, Unavailable)


async def test_an_expired_watch_is_an_error_with_the_servers_words() -> None:
    async def script(answer: web.StreamResponse) -> None:
        status = {"code": 410, "reason": "Expired", "message": "too old resource version"}
        await answer.write(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")

    async with server(streaming(script)) as api:
        _, error = await seen(api)
    assert error is not None
    assert (error.code, error.reason) == (410, "Expired")


async def test_a_forbidden_watch_is_an_error() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response({"reason": "Forbidden", "message": "may not watch"}, status=403)

    async with server(handle) as api:
        _, error = await seen(api)
    assert isinstance(error, Refused)


async def test_no_write_is_sent_that_is_forbidden_at_the_last_moment() -> None:
    asked: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request.method)
        return web.json_response({})

    def forbid() -> None:
        raise Unavailable(0, "NotLeader", "no")

    calls: list[Callable[[Api], Awaitable[Any]]] = [
        lambda api: api.create(LEASES, "here", {}),
        lambda api: api.create(LEASES, "here", {}, dry_run=True),
        lambda api: api.merge(LEASES, "here", "lease", {}),
        lambda api: api.apply_status(LEASES, "here", "lease", {}, {}),
        lambda api: api.delete(LEASES, "here", "lease", "uid"),
    ]
    async with server(handle) as api, Api(api._connection, before_write=forbid) as forbidden:
        for call in calls:
            with pytest.raises(Unavailable, match="NotLeader"):
                await call(forbidden)
        await forbidden.get(LEASES, "here", "lease")
    assert asked == ["GET"]


async def test_a_write_that_waited_for_a_connection_is_not_sent_once_the_lease_is_lost() -> None:
    asked: list[str] = []
    all_busy, go_on = asyncio.Event(), asyncio.Event()
    has_lease = True

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request.method)
        if len(asked) == MAX_CONNECTIONS:
            all_busy.set()
        await go_on.wait()
        return web.json_response({})

    def check() -> None:
        if not has_lease:
            raise Unavailable(0, "NotLeader", "no")

    async with server(handle) as api, Api(api._connection, before_write=check) as leader:
        reads = [asyncio.create_task(leader.get(LEASES, "here", "lease")) for _ in range(MAX_CONNECTIONS)]
        await all_busy.wait()
        write = asyncio.create_task(leader.merge(LEASES, "here", "lease", {}))
        await asyncio.sleep(0)  # it asks for a connection, and there is none
        has_lease = False
        go_on.set()
        await asyncio.gather(*reads)
        with pytest.raises(Unavailable, match="NotLeader"):
            await write
    assert set(asked) == {"GET"}
