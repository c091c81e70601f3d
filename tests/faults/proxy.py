"""Stands between the operator and the real API server, and does to their conversation what networks and servers do.

Everything passes as it is, the caller's token included, unless a rule says otherwise. A rule picks requests and gives
them to a fault (``tests.faults.faults``); a fault for watch streams gets the stream's lines (``tests.faults.streams``).
Every request is kept in order of arrival. The leg to the proxy is plain HTTP, the other one TLS.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import yaml
from aiohttp import web
from yarl import URL

from harness.addresses import free_port

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_PASSED_ON = ("Authorization", "Accept", "Content-Type", "User-Agent")
MAX_BODY = 8 << 20


class Cut(Exception):
    """Raised by a fault: the caller's connection is reset, and nothing is answered."""


@dataclass(frozen=True)
class Request:
    """One request, as the proxy understood it."""

    verb: str
    """create, update, patch, delete, get, list or watch."""
    resource: str
    subresource: str
    namespace: str
    name: str
    path: str
    """With the query, as it was sent."""
    headers: dict[str, str]
    body: bytes
    write: int | None
    """Place among the operator's writes, from 1; None for reads and for leases, which are renewed by the clock."""
    at: float
    """When it came, in monotonic seconds."""

    @property
    def kind(self) -> str:
        """What is done to what, such as ``patch architecturetrials/status``."""
        dry = " (dry run)" if "dryRun=All" in self.path else ""
        return f"{self.verb} {self.resource}" + (f"/{self.subresource}" if self.subresource else "") + dry


@dataclass(frozen=True)
class Answer:
    """What is said to the caller."""

    code: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


Forward = Callable[[], Awaitable[Answer]]
Fault = Callable[[Request, Forward], Awaitable[Answer]]
"""Gets a request and the means to send it on; returns the answer or raises Cut."""
Lines = AsyncIterator[bytes]
StreamFault = Callable[[Lines], Lines]
"""Gets the lines of a watch and returns those that the caller sees; its end ends the stream, Cut resets it."""


@dataclass
class Rule:
    """Gives the requests that match to a fault: ``times`` of them (None: all), the first ``after`` left alone."""

    matches: Callable[[Request], bool]
    fault: Fault | None = None
    stream: StreamFault | None = None
    after: int = 0
    times: int | None = 1
    watches: bool = False
    """The fault answers watches, too, which then do not begin."""
    hits: list[Request] = field(default_factory=list)
    """The requests that the fault got."""
    _seen: int = 0

    def takes(self, request: Request) -> bool:
        """Say whether this request is the fault's, and count it."""
        is_watch = request.verb == "watch"
        if (is_watch and self.stream is None and not self.watches) or (self.stream is not None and not is_watch):
            return False
        if not self.matches(request):
            return False
        self._seen += 1
        if self._seen <= self.after or (self.times is not None and self._seen > self.after + self.times):
            return False
        self.hits.append(request)
        return True


class Proxy:
    """One proxy; use it as an async context manager. ``rules`` may change at any time, the first that takes wins."""

    def __init__(self, server: str, authority: Path) -> None:
        self._server = server
        self._tls = ssl.create_default_context(cafile=str(authority))
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._streams: set[asyncio.Transport] = set()
        self._port = free_port()
        self.rules: list[Rule] = []
        self.requests: list[Request] = []
        self.writes: list[Request] = []

    @property
    def url(self) -> str:
        """Where the proxy listens; the same after ``refuse`` and ``accept``."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Proxy:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=0)
        timeout = aiohttp.ClientTimeout(total=None, connect=10)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        await self.accept()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.refuse()
        if self._session is not None:
            await self._session.close()

    async def accept(self) -> None:
        """Listen; on the same port as before."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def refuse(self) -> None:
        """Cut every connection and listen no more, as a server that is down."""
        self.cut_streams()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def cut_streams(self) -> None:
        """Reset every open watch."""
        for transport in self._streams:
            transport.abort()

    def add(self, rule: Rule) -> Rule:
        """Add a rule and return it."""
        self.rules.append(rule)
        return rule

    def write_kubeconfig(self, path: Path, template: Path) -> Path:
        """Write a kubeconfig with the user of ``template`` and this proxy as its server."""
        config = yaml.safe_load(template.read_text())
        config["clusters"][0]["cluster"] = {"server": self.url}
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config))
        return path

    async def _serve(self, http: web.Request) -> web.StreamResponse:
        request = self._take(http, await http.read())
        rule = next((rule for rule in self.rules if rule.takes(request)), None)
        try:
            if request.verb == "watch" and (rule is None or rule.fault is None):
                return await self._serve_stream(http, request, None if rule is None else rule.stream)
            if rule is None or rule.fault is None:
                answer = await self._forward(request)
            else:
                answer = await rule.fault(request, lambda: self._forward(request))
        except (Cut, aiohttp.ClientError):
            if http.transport is not None:
                http.transport.abort()
            return web.Response(status=502)
        return web.Response(status=answer.code, body=answer.body, headers=answer.headers)

    def _take(self, http: web.Request, body: bytes) -> Request:
        request = read_request(http.method, http.path_qs, dict(http.headers), body, len(self.writes) + 1)
        self.requests.append(request)
        if request.write is not None:
            self.writes.append(request)
        return request

    def _ask(self, request: Request) -> Any:
        assert self._session is not None
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        method = next((method for method, verb in _VERBS.items() if verb == request.verb), "GET")
        # The path goes on letter by letter: a label selector is percent-encoded already.
        url = URL(self._server + request.path, encoded=True)
        return self._session.request(method, url, data=request.body or None, headers=headers)

    async def _forward(self, request: Request) -> Answer:
        async with self._ask(request) as answer:
            kept = {name: answer.headers[name] for name in ("Content-Type", "Retry-After") if name in answer.headers}
            return Answer(answer.status, await answer.read(), kept)

    async def _serve_stream(self, http: web.Request, request: Request, fault: StreamFault | None) -> web.StreamResponse:
        transport = http.transport
        assert transport is not None
        self._streams.add(transport)
        try:
            async with self._ask(request) as answer:
                kept = {"Content-Type": answer.headers.get("Content-Type", "application/json")}
                response = web.StreamResponse(status=answer.status, headers=kept)
                await response.prepare(http)
                lines = _lines(answer.content)
                with suppress(ConnectionError):
                    async for line in lines if fault is None else fault(lines):
                        await response.write(line)
                return response
        finally:
            self._streams.discard(transport)


def read_request(method: str, path: str, headers: dict[str, str], body: bytes, number: int) -> Request:
    """Return a request to the API server by its parts; ``number`` is the write's that it would be."""
    parts = path.partition("?")[0].strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    resource, name, subresource = (*rest, "", "", "")[:3]
    if method in _VERBS:
        verb = _VERBS[method]
        if verb == "create" and not name:
            name = str(json.loads(body).get("metadata", {}).get("name", ""))
    else:
        verb = "watch" if "watch=true" in path else "get" if name else "list"
    write = number if method in _VERBS and resource != "leases" else None
    return Request(verb, resource, subresource, namespace, name, path, headers, body, write, time.monotonic())


async def _lines(content: aiohttp.StreamReader) -> Lines:
    rest = b""
    try:
        async for chunk in content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line + b"\n"
    except aiohttp.ClientError:
        raise Cut from None
