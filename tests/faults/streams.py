"""What may happen to a watch stream: functions from the lines that the server sent to those that the caller sees."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tests.faults.proxy import Cut, Lines, Request, Rule, StreamFault

Event = dict[str, Any]


def is_change(event: Event) -> bool:
    """Say whether an event tells of an object."""
    return bool(event["type"] != "BOOKMARK")


def drop(matches: Callable[[Event], bool], seen: list[Event] | None = None) -> StreamFault:
    """Swallow the events that match; ``seen`` collects them."""

    async def fault(lines: Lines) -> Lines:
        async for line in lines:
            event = json.loads(line)
            if not matches(event):
                yield line
            elif seen is not None:
                seen.append(event)

    return fault


def repeat(matches: Callable[[Event], bool], times: int = 3) -> StreamFault:
    """Send the events that match several times, the last time after whatever comes next: a stale repetition."""

    async def fault(lines: Lines) -> Lines:
        late: list[bytes] = []
        async for line in lines:
            yield line
            for old in late:
                yield old
            late = []
            if matches(json.loads(line)):
                for _ in range(times - 2):
                    yield line
                late = [line]

    return fault


def expire(after: int) -> StreamFault:
    """After that many lines say that the version is too old (410), and end."""

    async def fault(lines: Lines) -> Lines:
        count = 0
        async for line in lines:
            if count == after:
                break
            yield line
            count += 1
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410}
        status["message"] = "too old resource version: 1 (2)"
        yield json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"

    return fault


def end(after: int) -> StreamFault:
    """After that many lines end the stream properly, as a server does whose time limit is reached."""

    async def fault(lines: Lines) -> Lines:
        count = 0
        async for line in lines:
            if count == after:
                return
            yield line
            count += 1

    return fault


def cut(after: int) -> StreamFault:
    """After that many lines reset the connection; the next line is lost with it."""

    async def fault(lines: Lines) -> Lines:
        count = 0
        async for line in lines:
            if count == after:
                raise Cut
            yield line
            count += 1

    return fault


def hush(after: int) -> StreamFault:
    """After that many lines say nothing more, and stay open: what a dead middlebox leaves behind."""

    async def fault(lines: Lines) -> Lines:
        count = 0
        async for line in lines:
            if count == after:
                await asyncio.Event().wait()
            yield line
            count += 1

    return fault


def on_watch(resource: str, fault: StreamFault, *, after: int = 0, times: int | None = 1) -> Rule:
    """Return a rule for the watches of a resource."""

    def matches(request: Request) -> bool:
        return request.resource == resource

    return Rule(matches, stream=fault, after=after, times=times)
