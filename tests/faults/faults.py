"""What may happen to one request. Each function returns a fault for a rule of the proxy."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable

from tests.faults.proxy import Answer, Cut, Fault, Forward, Request, Rule

_REASONS = {
    401: "Unauthorized",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}
Hook = Callable[[], Awaitable[None]]


async def cut_before(request: Request, forward: Forward) -> Answer:
    """Reset the connection; the server never hears of the request."""
    raise Cut


async def cut_after(request: Request, forward: Forward) -> Answer:
    """Reset the connection once the server has done what was asked: its answer is lost."""
    await forward()
    raise Cut


def delay(seconds: float) -> Fault:
    """Send the request on late."""

    async def fault(request: Request, forward: Forward) -> Answer:
        await asyncio.sleep(seconds)
        return await forward()

    return fault


def delay_answer(seconds: float) -> Fault:
    """Send the request on at once, and the answer late: events of the change overtake it."""

    async def fault(request: Request, forward: Forward) -> Answer:
        answer = await forward()
        await asyncio.sleep(seconds)
        return answer

    return fault


def answer(code: int, *, retry_after: int | None = None) -> Fault:
    """Answer as an API server refuses, in its stead."""

    async def fault(request: Request, forward: Forward) -> Answer:
        return refusal(code, retry_after=retry_after)

    return fault


def before(hook: Hook) -> Fault:
    """Call the hook just before the request would reach the server, which then never hears of it."""

    async def fault(request: Request, forward: Forward) -> Answer:
        await hook()
        raise Cut

    return fault


def after(hook: Hook) -> Fault:
    """Call the hook just after the server has answered; the answer is lost."""

    async def fault(request: Request, forward: Forward) -> Answer:
        await forward()
        await hook()
        raise Cut

    return fault


MOMENTS = {"before": before, "after": after}


def refusal(code: int, *, retry_after: int | None = None) -> Answer:
    """Return the API server's way of saying no."""
    reason = _REASONS[code]
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"{reason}, said the proxy",
        "reason": reason,
        "code": code,
    }
    headers = {"Content-Type": "application/json"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Answer(code, json.dumps(status).encode(), headers)


def on_kind(kind: str, fault: Fault, *, after: int = 0, times: int | None = 1) -> Rule:
    """Return a rule for writes of a kind, such as ``create jobs`` (see ``Request.kind``)."""
    return Rule(lambda request: request.kind == kind, fault, after=after, times=times)


def on_start(fault: Fault) -> Rule:
    """Return a rule for the first and the third time that each thing is read or watched."""
    seen: Counter[str] = Counter()

    def matches(request: Request) -> bool:
        if request.write is not None:
            return False
        # A watch goes on where the list before it ended, and kopf lists in other words than we do.
        asked = f"{request.headers.get('User-Agent')} {request.verb} {request.path.partition('&resourceVersion=')[0]}"
        seen[asked] += 1
        return seen[asked] in (1, 3)

    return Rule(matches, fault, times=None, watches=True)
