"""The verbs of the API server over one aiohttp session, plain dictionaries in and out.

Every unsuccessful answer becomes one of five errors, so that callers decide by type: gone, conflict, refused for good,
refused for now, unreachable. Each call is counted by verb, resource and code.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any

import aiohttp

from evonas.cluster.client.connection import Connection
from evonas.cluster.client.resources import DISCOVERY, PODS, Resource
from evonas.metrics import API_REQUESTS

FIELD_MANAGER = "evonas-operator"
MAX_CONNECTIONS = 64
_PASSING = (401, 408, 410, 429)
"""Refusals below 500 that say nothing about the request: an expired token or version, a timeout, too many requests."""
PAGE = 500
_UNLIKE_YAML = re.compile(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
TIMEOUT_SECONDS, CONNECT_SECONDS = 30.0, 10.0
END_SECONDS = 5.0
"""How late the server may end a watch."""


class ApiError(Exception):
    """The API server refused a call; ``message`` is its own."""

    def __init__(self, code: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        """Seconds the server asks us to wait."""


class NotFound(ApiError):
    """The object, or its kind, does not exist."""


class Conflict(ApiError):
    """The object already exists, or has changed since it was read."""


class Refused(ApiError):
    """The request is invalid or forbidden: repeating it would be refused again."""


class Unavailable(ApiError):
    """Overloaded, starting or unreachable: the same request may succeed later."""


class Api:
    """A session with one API server; use it as an async context manager.

    ``before_write`` is called once a write has its connection, right before it is sent, and may raise to forbid it.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        timeout: float = TIMEOUT_SECONDS,
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = connection
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(timeout, CONNECT_SECONDS))
        self._before_write = before_write
        self._session: aiohttp.ClientSession | None = None
        self._logs: aiohttp.ClientSession | None = None
        """Of its own: who follows hundreds of logs must not use up the connections of everything else."""

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._connection.server

    async def __aenter__(self) -> Api:
        context = self._connection.ssl_context()
        connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, ssl=True if context is None else context)
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(self._guard)
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, trace_configs=[tracing])
        streams = aiohttp.TCPConnector(limit=0, ssl=True if context is None else context)
        self._logs = aiohttp.ClientSession(connector=streams, timeout=self._timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in (self._session, self._logs):
            if session is not None:
                await session.close()

    async def list(
        self, resource: Resource, namespace: str | None, *, label_selector: str = "", field_selector: str = ""
    ) -> AsyncGenerator[tuple[list[dict[str, Any]], str]]:
        """Yield pages of (objects, resource version of the whole list)."""
        query: dict[str, str] = {"limit": str(PAGE)}
        if label_selector:
            query["labelSelector"] = label_selector
        if field_selector:
            query["fieldSelector"] = field_selector
        while True:
            page = await self._call("list", resource, "GET", resource.path(namespace), query=query)
            yield page["items"], page["metadata"]["resourceVersion"]
            token = page["metadata"].get("continue")
            if not token:
                return
            query["continue"] = token

    async def get(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any]:
        """Return one object; NotFound if there is none."""
        return await self._call("get", resource, "GET", resource.path(namespace, name))

    async def listed_kinds(self, group: str, version: str) -> set[str]:
        """Return the kinds, by their plurals, that the server's own lists name; right after its start it serves others.

        Whoever finds kinds by these lists, as kopf does once, would never know of one that they lack.
        """
        groups = await self._call("get", DISCOVERY, "GET", "/apis")
        if not any(found["name"] == group for found in groups["groups"]):
            return set()
        kinds = await self._call("get", DISCOVERY, "GET", f"/apis/{group}/{version}")
        return {kind["name"] for kind in kinds["resources"]}

    async def openapi_address(self, group: str, version: str) -> str | None:
        """Return where the schemas of a group are described; the address changes with them. None if nowhere."""
        index = await self._call("get", DISCOVERY, "GET", "/openapi/v3")
        found = index["paths"].get(f"apis/{group}/{version}")
        return None if found is None else str(found["serverRelativeURL"])

    async def openapi(self, address: str) -> dict[str, Any]:
        """Return the document at such an address."""
        return await self._call("get", DISCOVERY, "GET", address)

    async def create(
        self,
        resource: Resource,
        namespace: str | None,
        body: Mapping[str, Any],
        *,
        dry_run: bool = False,
        manager: str = FIELD_MANAGER,
    ) -> dict[str, Any]:
        """Create an object; Conflict if its name is taken."""
        query = {"fieldManager": manager} | ({"dryRun": "All", "fieldValidation": "Strict"} if dry_run else {})
        return await self._call("create", resource, "POST", resource.path(namespace), query=query, body=body)

    async def merge(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        manager: str = FIELD_MANAGER,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Change an object by a JSON merge patch; Conflict if it names an outdated resource version."""
        path = resource.path(namespace, name)
        query = {"fieldManager": manager} | ({"dryRun": "All"} if dry_run else {})
        return await self._call("patch", resource, "PATCH", path, query=query, body=body, type="merge-patch+json")

    async def apply_status(
        self, resource: Resource, namespace: str, name: str, metadata: Mapping[str, Any], status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Make ``status`` the object's status by server-side apply.

        ``metadata`` holds the preconditions, ``uid`` and ``resourceVersion``; Conflict if they do not hold.
        """
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": name, "namespace": namespace, **metadata},
            "status": status,
        }
        path = resource.path(namespace, name, "status")
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._call("patch", resource, "PATCH", path, query=query, body=body, type="apply-patch+yaml")

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> bool:
        """Delete the object with that UID and, in the background, everything it owns.

        Return whether it is gone: an object with finalizers stays until they are removed, and is what is answered.
        """
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        answer = await self._call("delete", resource, "DELETE", resource.path(namespace, name), body=body)
        return bool(answer.get("kind") == "Status")

    async def watch(
        self, resource: Resource, namespace: str, name: str, *, silence: float
    ) -> AsyncIterator[dict[str, Any] | None]:
        """Yield one object as it is and after each change, None once it is deleted, until the server ends the stream.

        Raises ApiError if the stream breaks, the server ends it with an error, or nothing arrives for ``silence``
        seconds. A new call begins with the object's current state, so nothing need be remembered between calls.
        """
        query = {"watch": "true", "fieldSelector": f"metadata.name={name}"}
        async with aclosing(self._events(self._open(), resource, namespace, query, silence)) as events:
            async for event in events:
                if event is not None:
                    kind, body = event
                    yield None if kind == "DELETED" else body

    async def watch_all(
        self,
        resource: Resource,
        namespace: str | None,
        version: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
        seconds: int,
    ) -> AsyncGenerator[tuple[str, dict[str, Any]] | None]:
        """Yield None once the server has begun to answer, then type and object of each event after ``version`` of the
        list, bookmarks among them. The server ends the stream after so many seconds, and tells of an up-to-date
        version right before: a stream that goes on for longer is broken.

        Raises ApiError if the stream breaks or the server ends it with an error: with code 410 if it does not remember
        that version any more.
        """
        assert self._logs is not None, "use the Api as an async context manager"
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
            **({"labelSelector": label_selector} if label_selector else {}),
            **({"fieldSelector": field_selector} if field_selector else {}),
        }
        async with aclosing(self._events(self._logs, resource, namespace, query, seconds + END_SECONDS)) as events:
            async for event in events:
                yield event

    async def _events(
        self,
        session: aiohttp.ClientSession,
        resource: Resource,
        namespace: str | None,
        query: Mapping[str, str],
        silence: float,
    ) -> AsyncGenerator[tuple[str, dict[str, Any]] | None]:
        """Yield None once a watch has begun, then type and object of each of its events; ApiError as of a watch."""
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=silence)
        url = self.server + resource.path(namespace)
        try:
            async with session.get(url, params=query, headers=await self._headers(), timeout=timeout) as answer:
                if answer.status >= 400:
                    raise error_of(answer.status, await answer.text(), answer.headers.get("Retry-After"))
                yield None
                async for line in _lines(answer.content):
                    event = json.loads(line)
                    body: dict[str, Any] = event["object"]
                    if event["type"] == "ERROR":
                        raise error_of(int(body.get("code", 500)), json.dumps(body), None)
                    yield event["type"], body
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(0, "Unreachable", str(error) or type_name(error)) from error
        except ValueError as error:
            raise Unavailable(0, "CutStream", str(error)) from error

    async def log(
        self, namespace: str, pod: str, container: str, *, follow: bool, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield a container's output, its last ``tail`` lines or all; with ``follow``, until the container ends."""
        assert self._logs is not None, "use the Api as an async context manager"
        query = {"container": container, "follow": str(follow).lower()}
        if tail is not None:
            query["tailLines"] = str(tail)
        silence = None if follow else TIMEOUT_SECONDS
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=silence)
        url = self.server + PODS.path(namespace, pod, "log")
        code = "none"
        try:
            async with self._logs.get(url, params=query, headers=await self._headers(), timeout=timeout) as answer:
                code = str(answer.status)
                if answer.status >= 400:
                    raise error_of(answer.status, await answer.text(), answer.headers.get("Retry-After"))
                async for chunk in answer.content.iter_any():
                    yield chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(0, "Unreachable", str(error) or type_name(error)) from error
        finally:
            API_REQUESTS.labels("get", "pods/log", code).inc()

    async def _call(
        self,
        verb: str,
        resource: Resource,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        type: str = "json",
    ) -> dict[str, Any]:
        session, headers = self._open(), await self._headers()
        data = None
        if body is not None:
            headers["Content-Type"] = f"application/{type}"
            data = to_json(body)
        url = self.server + path
        try:
            async with session.request(method, url, params=query, data=data, headers=headers) as answer:
                content = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            API_REQUESTS.labels(verb, resource.plural, "none").inc()
            raise Unavailable(0, "Unreachable", str(error) or type_name(error)) from error
        API_REQUESTS.labels(verb, resource.plural, str(answer.status)).inc()
        if answer.status >= 400:
            raise error_of(answer.status, content, answer.headers.get("Retry-After"))
        try:
            result: dict[str, Any] = json.loads(content)
        except ValueError as error:
            raise Unavailable(answer.status, "NoJSON", f"{error}: {content[:200]}") from error
        return result

    async def _guard(self, _session: object, _context: object, request: aiohttp.TraceRequestHeadersSentParams) -> None:
        """Called by aiohttp when a request has its connection; raising here keeps it from being sent."""
        if request.method != "GET":
            self._before_write()

    def _open(self) -> aiohttp.ClientSession:
        assert self._session is not None, "use the Api as an async context manager"
        return self._session

    async def _headers(self) -> dict[str, str]:
        token = await self._connection.token()
        return {"Accept": "application/json"} | ({} if token is None else {"Authorization": f"Bearer {token}"})


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yield the lines of an answer, the last one even if it was cut off. An object may be longer than what aiohttp
    itself takes for a line.
    """
    begun = b""
    async for chunk in content.iter_any():
        *lines, begun = (begun + chunk).split(b"\n")
        for line in lines:
            yield line
    if begun:
        yield begun


def to_json(body: Mapping[str, Any]) -> str:
    r"""Return JSON that a YAML parser reads as the same: what is applied is parsed as YAML, even where it is JSON.

    YAML has no surrogate pairs (\ud83e\udde0), refuses some characters as they are, and takes others for line breaks.
    """
    return _UNLIKE_YAML.sub(_escaped, json.dumps(body, ensure_ascii=False))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    # Half a pair is no character at all.
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"


def type_name(error: BaseException) -> str:
    """Return the name of an error that has no message."""
    return type(error).__name__


def error_of(code: int, content: str, retry_after: str | None) -> ApiError:
    """Return the error for an unsuccessful answer."""
    try:
        status = json.loads(content)
        reason, message = str(status.get("reason", "")), str(status.get("message", ""))
    except (ValueError, AttributeError):
        reason, message = "Unknown", content[:200]
    seconds = float(retry_after) if retry_after is not None and retry_after.isdigit() else None
    kinds: dict[int, type[ApiError]] = {404: NotFound, 409: Conflict} | dict.fromkeys(_PASSING, Unavailable)
    kind = kinds.get(code, Refused if code < 500 else Unavailable)
    return kind(code, reason, message, seconds)
