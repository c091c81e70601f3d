"""All that happened to the objects of a cluster, in the order in which it happened: watches of the test's own.

They go straight to the API server, so that nothing a proxy does to the operator is done to its judge.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any

import aiohttp
import yaml

from evonas.cluster.client.resources import CONFIG_MAPS, JOBS, PODS, SEARCHES, TRIALS, WORKLOADS, Resource
from evonas.search.names import SEARCH_LABEL
from harness.client import Cluster

Body = dict[str, Any]
JOBSETS = WORKLOADS["JobSet"]
DRIVER = "driver"
"""The group of a JobSet whose pod reports."""
KINDS = (PODS, JOBS, JOBSETS, CONFIG_MAPS, TRIALS, SEARCHES)
GONE = 410


class Story:
    """One namespace's part of it."""

    def __init__(self) -> None:
        self.events: dict[str, list[tuple[str, Body]]] = defaultdict(list)
        """By resource: (ADDED, MODIFIED or DELETED, the object then)."""
        self.now: dict[str, dict[str, Body]] = defaultdict(dict)
        """By resource and name: the object as it is."""
        self._waiting: dict[asyncio.Future[None], Callable[[], object]] = {}

    def of(self, search: str) -> Story:
        """Return what has happened to one search and all that is its own."""
        story = Story()
        for plural, events in self.events.items():
            story.events[plural] = [(type, body) for type, body in events if _search_of(body) == search]
            there = self.now[plural]
            story.now[plural] = {name: body for name, body in there.items() if _search_of(body) == search}
        return story

    def objects(self, resource: Resource) -> list[Body]:
        """Return the objects that there are, by name."""
        return [self.now[resource.plural][name] for name in sorted(self.now[resource.plural])]

    def has_told(self, resource: Resource, there: Mapping[str, int], listed: int) -> bool:
        """Say whether the story is as new as a list: the versions by name, and that of the list itself."""
        latest = {body["metadata"]["name"]: _version(body) for _, body in self.events[resource.plural]}
        now = self.now[resource.plural]
        return all(latest.get(name, 0) >= version for name, version in there.items()) and all(
            name in there or _version(body) > listed for name, body in now.items()
        )

    async def until(self, predicate: Callable[[], object], seconds: float = 90) -> None:
        """Wait until the predicate is true, or was after some change; TimeoutError where it never was."""
        if predicate():
            return
        seen = asyncio.get_running_loop().create_future()
        self._waiting[seen] = predicate
        try:
            await asyncio.wait_for(seen, seconds)
        finally:
            del self._waiting[seen]

    def take_in(self, resource: Resource, type: str, body: Body) -> None:
        """Add a change, and ask every predicate before the next one.

        A busy machine brings several changes at once, and what was true only between two of them counts.
        """
        self.events[resource.plural].append((type, body))
        if type == "DELETED":
            self.now[resource.plural].pop(body["metadata"]["name"], None)
        else:
            self.now[resource.plural][body["metadata"]["name"]] = body
        for seen, predicate in self._waiting.items():
            if not seen.done() and predicate():
                seen.set_result(None)


class Chronicle:
    """Watches a cluster while the block lasts, and makes the changes that a person or a broken program would."""

    def __init__(self, cluster: Cluster) -> None:
        self._server = cluster.server
        user = yaml.safe_load(cluster.kubeconfig.read_text())["users"][0]["user"]
        self._headers = {"Authorization": f"Bearer {user['token']}"}
        self._tls = ssl.create_default_context(cafile=str(cluster.instance.folder / "pki" / "ca.crt"))
        self._stories: defaultdict[str, Story] = defaultdict(Story)
        self._session: aiohttp.ClientSession | None = None
        self._watches: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Chronicle:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=0)
        self._session = aiohttp.ClientSession(self._server, connector=connector, headers=self._headers)
        for resource in KINDS:
            version = (await self.ask("GET", resource.path(None) + "?limit=1"))["metadata"]["resourceVersion"]
            self._watches.append(asyncio.create_task(self._follow(resource, version)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def story(self, namespace: str) -> Story:
        """Return what happened in a namespace; it grows."""
        return self._stories[namespace]

    async def catch_up(self, namespace: str) -> None:
        """Wait until a namespace's story has all that is there by now: the watch of each kind is as late as it is."""
        story = self._stories[namespace]
        for resource in KINDS:
            listed = await self.ask("GET", resource.path(namespace))
            there = {body["metadata"]["name"]: _version(body) for body in listed["items"]}
            await story.until(partial(story.has_told, resource, there, _version(listed)))

    def check(self) -> None:
        """Raise what ended a watch, if anything did: the stories would stand still."""
        for watch in self._watches:
            if watch.done():
                watch.result()

    async def ask(self, method: str, path: str, body: Body | None = None, type: str = "application/json") -> Body:
        """Make a request as the administrator; ClientResponseError where it is refused."""
        assert self._session is not None
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": type}
        async with self._session.request(method, path, data=data, headers=headers) as answer:
            content = await answer.text()
            if answer.status >= 400:
                raise AssertionError(f"{method} {path}: {content}")
            result: Body = json.loads(content)
            return result

    async def create(self, resource: Resource, namespace: str, body: Body) -> Body:
        """Create an object."""
        return await self.ask("POST", resource.path(namespace), body)

    async def patch(self, resource: Resource, namespace: str, name: str, body: Body) -> Body:
        """Change an object by a merge patch."""
        return await self.ask("PATCH", resource.path(namespace, name), body, "application/merge-patch+json")

    async def delete(self, resource: Resource, namespace: str, name: str) -> Body:
        """Delete an object; in the background what it owns."""
        return await self.ask("DELETE", resource.path(namespace, name) + "?propagationPolicy=Background")

    async def _follow(self, resource: Resource, version: str) -> None:
        while True:
            with suppress(aiohttp.ClientError):
                version = await self._watch(resource, version)
            await asyncio.sleep(0.2)

    async def _watch(self, resource: Resource, version: str) -> str:
        """Take in events until the stream ends; returns the version to go on from."""
        assert self._session is not None
        query = f"?watch=true&allowWatchBookmarks=true&resourceVersion={version}"
        timeout = aiohttp.ClientTimeout(total=None, sock_read=None)
        rest = b""
        async with self._session.get(resource.path(None) + query, timeout=timeout) as answer:
            if answer.status == GONE:
                return await self._list(resource)
            if not answer.ok:
                # On a busy machine the storage of a new CRD is not ready at once (429).
                return version
            with suppress(aiohttp.ClientError):
                async for chunk in answer.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for event in map(json.loads, lines):
                        if event["type"] == "ERROR":
                            return await self._list(resource)
                        version = event["object"]["metadata"]["resourceVersion"]
                        if event["type"] != "BOOKMARK":
                            self._take_in(resource, event["type"], event["object"])
        return version

    async def _list(self, resource: Resource) -> str:
        listed = await self.ask("GET", resource.path(None))
        there = {(item["metadata"]["namespace"], item["metadata"]["name"]) for item in listed["items"]}
        for item in listed["items"]:
            self._take_in(resource, "MODIFIED", item)
        for namespace, story in list(self._stories.items()):
            for name, body in list(story.now[resource.plural].items()):
                if (namespace, name) not in there:
                    self._take_in(resource, "DELETED", body)
        version: str = listed["metadata"]["resourceVersion"]
        return version

    def _take_in(self, resource: Resource, type: str, body: Body) -> None:
        self._stories[body["metadata"]["namespace"]].take_in(resource, type, body)


def _version(body: Body) -> int:
    return int(body["metadata"]["resourceVersion"])


def _search_of(body: Body) -> str:
    """Return the name of the search that an object is or belongs to."""
    name: str = body["metadata"].get("labels", {}).get(SEARCH_LABEL, body["metadata"]["name"])
    return name
