"""All objects of a kind, kept current by one list and one watch, for as long as anybody wants to know of them.

A watch is resumed from where it ended. Only if the server does not remember so far back, everything is listed again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from evonas.cluster.client.api import Api, ApiError
from evonas.cluster.client.backoff import pause
from evonas.cluster.client.resources import Resource

WATCH_SECONDS = 15
"""The server ends a watch after so long: a quiet one and a broken one look the same until then."""
LONGEST_PAUSE = 15.0
FINE_SECONDS = 5.0
"""What has worked for so long is begun again soon."""
EXPIRED = 410
"""The server does not remember the version to go on from."""

logger = logging.getLogger(__name__)


class Sink(Protocol):
    """What takes in what is known of a kind."""

    def begin(self) -> None:
        """A list begins."""

    def put(self, body: dict[str, Any]) -> None:
        """An object exists like this."""

    def drop(self, body: Mapping[str, Any]) -> None:
        """An object was deleted."""

    def end(self) -> None:
        """The list is over: what it did not tell of does not exist, apart from what was put since."""

    def is_current(self) -> None:
        """All that there was a moment ago has been told."""

    def is_stale(self, error: ApiError) -> None:
        """What is known may be out of date."""


@dataclass(frozen=True)
class Collection:
    """What of a kind is followed."""

    resource: Resource
    namespace: str | None
    """None for all."""
    label_selector: str = ""
    field_selector: str = ""


async def follow(api: Api, what: Collection, sink: Sink, *, watch_seconds: int = WATCH_SECONDS) -> NoReturn:
    """Tell ``sink`` of everything, until cancelled."""
    position = _Position()
    failures = 0
    while True:
        began = time.monotonic()
        try:
            if not position.version:
                await _list(api, what, sink, position)
            await _watch(api, what, sink, position, watch_seconds)
        except ApiError as error:
            lasted = time.monotonic() - began
            if error.code == EXPIRED:
                position.version = ""
                if lasted > FINE_SECONDS:
                    continue
            failures = 1 if lasted > FINE_SECONDS else failures + 1
            sink.is_stale(error)
            seconds = pause(failures, error, longest=LONGEST_PAUSE)
            logger.info("%s: going on in %.1f s: %s", what.resource.plural, seconds, error)
            await asyncio.sleep(seconds)


@dataclass
class _Position:
    """How far a kind is known."""

    version: str = ""
    """From which a watch goes on; empty if everything is to be listed."""


async def _list(api: Api, what: Collection, sink: Sink, position: _Position) -> None:
    """Tell of all objects."""
    sink.begin()
    pages = api.list(
        what.resource, what.namespace, label_selector=what.label_selector, field_selector=what.field_selector
    )
    version = ""
    async with aclosing(pages):
        async for bodies, now in pages:
            version = now
            for body in bodies:
                sink.put(body)
            # A page takes tens of milliseconds.
            await asyncio.sleep(0)
    sink.end()
    sink.is_current()
    position.version = version


async def _watch(api: Api, what: Collection, sink: Sink, position: _Position, seconds: int) -> None:
    """Tell of all changes until the server ends the watch."""
    events = api.watch_all(
        what.resource,
        what.namespace,
        position.version,
        label_selector=what.label_selector,
        field_selector=what.field_selector,
        seconds=seconds,
    )
    async with aclosing(events):
        async for event in events:
            sink.is_current()
            if event is None:
                continue
            kind, body = event
            if kind == "DELETED":
                sink.drop(body)
            elif kind != "BOOKMARK":
                sink.put(body)
            position.version = body["metadata"]["resourceVersion"]
    sink.is_current()
