"""Who may ask, and what a browser may do with an answer: pure ASGI, around everything else, so that no answer lacks it.

Three questions, in this order. Is it a name of ours that was asked for? A page of somebody else's could otherwise read
this one under a name of its own that it lets point here (DNS rebinding). Does the asker know the token, where there is
one? And does the request come from this page? Another site's cannot set the header that orders need, nor claim our
origin (cross-site request forgery).
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evonas.ui.encoding import encode
from evonas.ui.models import Problem

API = "/api/"
HEALTH = "/healthz"
REQUEST_HEADER = "X-Evonas-Request"
"""Orders must have it: no form and no simple request of another site can set it."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
}
"""On every answer; what changes is not stored, unless an answer says otherwise."""

MAX_ORDER = 256 << 10
"""Bytes of an order: a candidate with the longest of names and values is smaller."""
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Policy:
    """Who may ask."""

    hosts: frozenset[str] = frozenset(LOOPBACK_NAMES)
    """Names, in lower case, under which the page may be asked for, whatever the port."""
    any_address: bool = False
    """Whether any address in numbers will do: rebinding needs a name."""
    token: str | None = field(default=None, repr=False)
    """What everybody must know; None if whoever reaches the page may use it."""
    cookie: str = "evonas-token"
    """Keeps the token; servers on the same machine need one each, since cookies know no ports."""


class Guard:
    """An ASGI app that passes on what a policy lets pass, and completes the headers of all answers."""

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "websocket":
            # There are none here; and a browser lets any site open one.
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refuse(scope)

        async def send_completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                message["headers"] = headers.raw
            await send(message)

        await (refused or self._app)(scope, receive, send_completed)

    def _refuse(self, scope: Scope) -> Response | None:
        """Return the answer to a request that goes no further; None if it may pass."""
        if scope["path"] == HEALTH:
            # A probe of the machine's own, which asks by address; it learns nothing.
            return None
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not is_known_host(hosts[0], self._policy):
            return _problem(
                scope,
                421,
                f"this page is not known under the name {', '.join(hosts)!r}; ask for it by its own address, or start"
                " it with --allowed-host NAME",
            )
        return self._refuse_stranger(scope, headers) or _refuse_other_sites(scope, headers)

    def _refuse_stranger(self, scope: Scope, headers: Headers) -> Response | None:
        token = self._policy.token
        if token is None:
            return None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(given.strip(), token):
            return None
        if any(_same(value, token) for value in _cookies(headers, self._policy.cookie)):
            return None
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if scope["method"] == "GET" and any(name == "token" and _same(value, token) for name, value in asked):
            return self._admit(scope, headers, [(name, value) for name, value in asked if name != "token"])
        answer = _problem(
            scope,
            401,
            "a token is needed: open the address that `evonas ui` printed, or send it as Authorization: Bearer TOKEN",
        )
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def _admit(self, scope: Scope, headers: Headers, rest: Sequence[tuple[str, str]]) -> Response:
        """Keep the token in a cookie that no script reads and no other site sends, and take it out of the address."""
        path = "/" + scope["path"].lstrip("/\\")
        query = f"?{urlencode(rest)}" if rest else ""
        # By default quoted: a path is whatever was asked for.
        answer = RedirectResponse(path + query, status_code=303)
        secure = headers.get("x-forwarded-proto") == "https" or scope["scheme"] == "https"
        answer.set_cookie(
            self._policy.cookie, self._policy.token or "", httponly=True, samesite="strict", secure=secure, path="/"
        )
        return answer


def is_known_host(header: str, policy: Policy) -> bool:
    """Return whether a Host header names this page."""
    name, separator, port = header.lower().rpartition(":")
    if not separator or not (port.isdecimal() or not port) or header.endswith("]"):
        name = header.lower()
    if name in policy.hosts:
        return True
    return policy.any_address and _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _refuse_other_sites(scope: Scope, headers: Headers) -> Response | None:
    """Return the answer to what another site's page asks for."""
    if not scope["path"].startswith(API):
        # A link to the page may be anywhere; it does nothing by being followed.
        return None
    site = headers.get("sec-fetch-site", "none")
    if site not in ("same-origin", "none"):
        return _problem(scope, 403, f"another site's page asked for this (Sec-Fetch-Site: {site})")
    # The app itself refuses all methods but these two.
    return _refuse_order(scope, headers) if scope["method"] == "POST" else None


def _refuse_order(scope: Scope, headers: Headers) -> Response | None:
    """Return the answer to an order that may not be this page's own."""
    origins = headers.getlist("origin")
    if any(not _is_own(origin, headers["host"]) for origin in origins):
        return _problem(scope, 403, f"another site's page asked for this (Origin: {', '.join(origins)})")
    if headers.get(REQUEST_HEADER) != "1":
        return _problem(scope, 403, f"an order needs the header {REQUEST_HEADER}: 1, which other sites cannot send")
    if (problem := _problem_of_size(headers)) is not None:
        return _problem(scope, *problem)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return _problem(scope, 415, f"an order is JSON: its Content-Type must be application/json, got {kind!r}")
    return None


def _problem_of_size(headers: Headers) -> tuple[int, str] | None:
    size = headers.get("content-length", "")
    if not size.isascii() or not size.isdecimal():
        return 411, "an order must say how long it is (Content-Length)"
    return (413, f"an order has at most {MAX_ORDER} bytes") if int(size) > MAX_ORDER else None


def _is_own(origin: str, host: str) -> bool:
    # A proxy in front may speak TLS: the scheme need not be ours, names and ports must be.
    try:
        found = urlsplit(origin)
        return found.scheme in ("http", "https") and found.netloc.lower() == host.lower()
    except ValueError:
        return False


def _cookies(headers: Headers, name: str) -> list[str]:
    found = []
    for header in headers.getlist("cookie"):
        try:
            jar = SimpleCookie(header)
        except CookieError:
            continue
        if name in jar:
            found.append(jar[name].value)
    return found


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())


def _problem(scope: Scope, code: int, message: str) -> Response:
    if scope["path"].startswith(API):
        return Response(encode(Problem(message=message)), status_code=code, media_type="application/json")
    return PlainTextResponse(f"{message}\n", status_code=code)
