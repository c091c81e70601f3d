"""The verbs of the API server over one aiohttp session, plain dictionaries in and out.

Every answer that is no success becomes one of five errors, so that callers decide by type: gone, conflict, refused for
good, refused for now, unreachable. Each call is counted by verb, resource and code.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any

import aiohttp

from evonas.cluster.connection import Connection
from evonas.cluster.resources import Resource
from evonas.metrics import API_REQUESTS

FIELD_MANAGER = "evonas-operator"
MAX_CONNECTIONS = 64
PAGE = 500
TIMEOUT = aiohttp.ClientTimeout(total=30, connect=10)


class ApiError(Exception):
    """The API server refused a call; ``message`` is its own."""

    def __init__(self, code: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        """Seconds that the server asks us to wait."""


class NotFound(ApiError):
    """The object, or its kind, does not exist."""


class Conflict(ApiError):
    """The object exists already, or changed since it was read."""


class Refused(ApiError):
    """The request is wrong or forbidden: the same one would be refused again."""


class Unavailable(ApiError):
    """Overloaded, starting or unreachable: the same request may succeed later."""


class Api:
    """A session with one API server; use it as an async context manager."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._session: aiohttp.ClientSession | None = None

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._connection.server

    async def __aenter__(self) -> Api:
        context = self._connection.ssl_context()
        connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, ssl=True if context is None else context)
        self._session = aiohttp.ClientSession(connector=connector, timeout=TIMEOUT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def list(
        self, resource: Resource, namespace: str | None, *, label_selector: str = "", field_selector: str = ""
    ) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
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

    async def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        """Return one object; NotFound where there is none."""
        return await self._call("get", resource, "GET", resource.path(namespace, name))

    async def create(
        self, resource: Resource, namespace: str, body: Mapping[str, Any], *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Create an object; Conflict where its name is taken."""
        query = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All", "fieldValidation": "Strict"} if dry_run else {})
        return await self._call("create", resource, "POST", resource.path(namespace), query=query, body=body)

    async def merge(self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change an object by a JSON merge patch."""
        path = resource.path(namespace, name)
        query = {"fieldManager": FIELD_MANAGER}
        return await self._call("patch", resource, "PATCH", path, query=query, body=body, type="merge-patch+json")

    async def apply_status(
        self, resource: Resource, namespace: str, name: str, metadata: Mapping[str, Any], status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Make ``status`` the object's status by server-side apply.

        ``metadata`` holds the preconditions, ``uid`` and ``resourceVersion``; Conflict where they do not hold.
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

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        """Delete the object with that UID, and in the background all that it owns."""
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        await self._call("delete", resource, "DELETE", resource.path(namespace, name), body=body)

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
        assert self._session is not None, "use the Api as an async context manager"
        headers = {"Accept": "application/json"}
        if (token := await self._connection.token()) is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = None
        if body is not None:
            headers["Content-Type"] = f"application/{type}"
            data = json.dumps(body)
        url = self.server + path
        try:
            async with self._session.request(method, url, params=query, data=data, headers=headers) as answer:
                content = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            API_REQUESTS.labels(verb, resource.plural, "none").inc()
            raise Unavailable(0, "Unreachable", str(error) or type_name(error)) from error
        API_REQUESTS.labels(verb, resource.plural, str(answer.status)).inc()
        if answer.status >= 400:
            raise _error(answer.status, content, answer.headers.get("Retry-After"))
        result: dict[str, Any] = json.loads(content)
        return result


def type_name(error: BaseException) -> str:
    """Return what an error is called, for those that say nothing."""
    return type(error).__name__


def _error(code: int, content: str, retry_after: str | None) -> ApiError:
    try:
        status = json.loads(content)
        reason, message = str(status.get("reason", "")), str(status.get("message", ""))
    except (ValueError, AttributeError):
        reason, message = "Unknown", content[:200]
    seconds = float(retry_after) if retry_after is not None and retry_after.isdigit() else None
    kinds: dict[int, type[ApiError]] = {404: NotFound, 409: Conflict, 429: Unavailable}
    kind = kinds.get(code, Refused if code < 500 else Unavailable)
    return kind(code, reason, message, seconds)
