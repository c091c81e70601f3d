"""A kind that is followed over real HTTP: listed once, resumed where a watch ended, listed again only if it must be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web

from evonas.cluster.client import collection
from evonas.cluster.client.api import PAGE, Api, ApiError
from evonas.cluster.client.collection import Collection, follow
from evonas.cluster.client.resources import TRIALS
from tests.unit.cluster.client.test_watch import server

WHAT = Collection(TRIALS, "here", "a=b", "c=d")


class Told:
    """What a sink was told, in words, and a wait for the next of them."""

    def __init__(self, until: str) -> None:
        self.said: list[str] = []
        self._until = until
        self.done = asyncio.Event()

    def _say(self, said: str) -> None:
        if said != "current" or self.said[-1:] != ["current"]:
            self.said.append(said)
        if said == self._until:
            self.done.set()

    def begin(self) -> None:
        self._say("begin")

    def put(self, body: dict[str, Any]) -> None:
        self._say(f"put {body['metadata']['name']}")

    def drop(self, body: Mapping[str, Any]) -> None:
        self._say(f"drop {body['metadata']['name']}")

    def end(self) -> None:
        self._say("end")

    def is_current(self) -> None:
        self._say("current")

    def is_stale(self, error: ApiError) -> None:
        self._say(f"stale {error.code}")


class Server:
    """An API server that answers lists and watches as a test has it, and notes what was asked."""

    def __init__(self, *watches: list[bytes] | int) -> None:
        """Each watch is answered by the next of ``watches``, lines or a status; the last one stays silent."""
        self.asked: list[str] = []
        self._watches = list(watches)
        self.list_status = 200
        self.over = asyncio.Event()
        """Ends the watch that is silent."""
        self.names = ["one", "two"]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        assert (query["labelSelector"], query["fieldSelector"]) == ("a=b", "c=d")
        if "watch" not in query:
            self.asked.append("list" if "continue" not in query else "page")
            return self._list(query)
        assert query["allowWatchBookmarks"] == "true"
        self.asked.append(f"watch {query['resourceVersion']}")
        answer = self._watches.pop(0) if self._watches else []
        if isinstance(answer, int):
            return web.json_response({"reason": "Expired", "message": "too old"}, status=answer)
        stream = web.StreamResponse()
        await stream.prepare(request)
        for line in answer:
            await stream.write(line)
        if not self._watches:
            await self.over.wait()
        return stream

    def _list(self, query: Mapping[str, str]) -> web.Response:
        if self.list_status != 200:
            return web.json_response({"reason": "Forbidden", "message": "no"}, status=self.list_status)
        assert query["limit"] == str(PAGE)
        *first, last = [{"metadata": {"name": name, "resourceVersion": "1"}} for name in self.names]
        if "continue" in query:
            return web.json_response({"items": [last], "metadata": {"resourceVersion": "5"}})
        return web.json_response({"items": first, "metadata": {"resourceVersion": "5", "continue": "more"}})


def _event(type: str, name: str, version: int, size: int = 0) -> bytes:
    body = {"metadata": {"name": name, "resourceVersion": str(version)}, "filler": "x" * size}
    return json.dumps({"type": type, "object": body}).encode() + b"\n"


async def _follow(api: Api, told: Told, answers: Server) -> None:
    task = asyncio.create_task(follow(api, WHAT, told, watch_seconds=30))
    await asyncio.wait_for(told.done.wait(), 60)
    task.cancel()
    answers.over.set()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_kind_is_listed_once_and_each_watch_goes_on_where_the_last_one_ended() -> None:
    first = [_event("ADDED", "three", 6), _event("DELETED", "one", 7), _event("BOOKMARK", "", 9)]
    # Longer than what aiohttp takes for a line.
    second = [_event("MODIFIED", "two", 10, size=1_000_000), _event("ADDED", "four", 11)]
    answers, told = Server(first, second, []), Told("put four")
    async with server(answers.handle) as api:
        await _follow(api, told, answers)
    assert answers.asked[:4] == ["list", "page", "watch 5", "watch 9"]
    assert told.said[:12] == [
        *("begin", "put one", "put two", "end", "current", "put three", "current", "drop one", "current"),
        *("put two", "current", "put four"),
    ]


@pytest.mark.parametrize("way", ["answer", "event"])
async def test_a_version_that_the_server_has_forgotten_lists_again(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "FINE_SECONDS", 0.0)
    gone = {"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}
    expired: list[bytes] | int = 410 if way == "answer" else [json.dumps(gone).encode() + b"\n"]
    answers, told = Server(expired, [_event("ADDED", "three", 6)]), Told("put three")
    async with server(answers.handle) as api:
        await _follow(api, told, answers)
    assert answers.asked == ["list", "page", "watch 5", "list", "page", "watch 5"]
    assert not [said for said in told.said if said.startswith("stale")]


async def test_a_watch_that_breaks_is_told_and_goes_on_from_where_it_was() -> None:
    cut = [_event("ADDED", "three", 6), b'{"type": "ADDED", "object": {"meta']
    answers, told = Server([*cut, b"data\n"], [_event("ADDED", "four", 7)]), Told("put four")
    async with server(answers.handle) as api:
        await _follow(api, told, answers)
    assert answers.asked == ["list", "page", "watch 5", "watch 6"]
    assert told.said.index("put three") < told.said.index("stale 0") < told.said.index("put four")


async def test_who_may_not_list_is_told_so_until_they_may() -> None:
    answers, told = Server([]), Told("end")
    answers.list_status = 403
    async with server(answers.handle) as api:
        refused = Told("stale 403")
        await _follow(api, refused, answers)
        answers.list_status = 200
        await _follow(api, told, answers)
    assert refused.said == ["begin", "stale 403"]
    assert "end" in told.said
