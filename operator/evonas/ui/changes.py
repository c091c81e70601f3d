"""What has changed, told to each viewer as server-sent events.

One task reads what the live searches tell; viewers wait for it. Nothing is queued: what is remembered is when each
thing last changed, and a viewer who was away is told that it did. So a slow viewer costs what a quick one does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from evonas.sources.live.directory import LiveSearches, UnknownSearch
from evonas.sources.live.seen import Notice as Told
from evonas.sources.live.seen import NoticeKind
from evonas.ui.encoding import encode
from evonas.ui.models import ChangeKind, Notice

BEAT_SECONDS = 4.5
LEAST_SECONDS = 0.25
"""Between two batches of notices for a viewer: there are no more than four a second of a kind and search."""
RETRY_MILLISECONDS = 1000
MOST_VIEWERS = 256
MOST_WATCHED = 64
"""Searches that one viewer may look at."""
MAX_KEPT = 10_000

What = tuple[ChangeKind, str | None]


@dataclass(frozen=True)
class _Changed:
    place: int
    """In the order of changes."""
    revision: int


class TooManyViewers(Exception):
    """No more streams can be served."""


class Changes:
    """The latest changes, and those who wait for the next."""

    def __init__(self, live: LiveSearches) -> None:
        self._live = live
        self._latest: dict[What, _Changed] = {}
        self._place = 0
        self._forgotten = 0
        """Up to this place, some changes are no longer remembered."""
        self._news = asyncio.Event()
        self._ending = False
        self.viewers = 0

    async def run(self) -> None:
        """Take note of changes until cancelled."""
        async with self._live.subscribe() as notices:
            async for notice in notices:
                self.note(notice)

    def note(self, told: Told) -> None:
        """Remember a change, and wake those who wait."""
        self._place += 1
        if told.kind is NoticeKind.LOST:
            self._latest.clear()
            self._forgotten = self._place
        for what in _in_words(told):
            self._latest.pop(what, None)
            self._latest[what] = _Changed(self._place, told.revision)
        while len(self._latest) > MAX_KEPT:
            oldest = next(iter(self._latest))
            self._forgotten = self._latest.pop(oldest).place
        self._wake()

    def end(self) -> None:
        """End all streams."""
        self._ending = True
        self._wake()

    def stream(self, ids: Sequence[str]) -> AsyncIterator[bytes]:
        """Return the events for a viewer who looks at some searches; TooManyViewers if there are too many."""
        if self.viewers >= MOST_VIEWERS:
            raise TooManyViewers
        return self._stream(frozenset(ids))

    async def _stream(self, ids: frozenset[str]) -> AsyncIterator[bytes]:
        self.viewers += 1
        try:
            seen = self._place
            yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
            # What has changed before it was connected, nobody knows: the viewer compares the revisions.
            yield b"".join(map(_event, self._everything(ids)))
            told = time.monotonic()
            while not self._ending:
                if self._place == seen:
                    await self._wait(told + BEAT_SECONDS - time.monotonic())
                if self._ending:
                    return
                notices = [*self._since(seen, ids)]
                seen = self._place
                if not notices and time.monotonic() - told < BEAT_SECONDS:
                    continue
                beat = Notice(kind=ChangeKind.BEAT, revision=self._live.revision)
                yield b"".join(map(_event, notices or [beat]))
                told = time.monotonic()
                await asyncio.sleep(LEAST_SECONDS)
        finally:
            self.viewers -= 1

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._news.wait()
        except TimeoutError:
            return

    def _wake(self) -> None:
        self._news.set()
        if not self._ending:
            self._news = asyncio.Event()

    def _since(self, seen: int, ids: frozenset[str]) -> Iterator[Notice]:
        if seen < self._forgotten:
            yield from self._everything(ids)
            return
        for (kind, id), changed in reversed(self._latest.items()):
            if changed.place <= seen:
                return
            if id is None or id in ids:
                yield Notice(kind=kind, revision=changed.revision, id=id)

    def _everything(self, ids: frozenset[str]) -> Iterator[Notice]:
        yield Notice(kind=ChangeKind.SEARCHES, revision=self._live.revision)
        yield Notice(kind=ChangeKind.SOURCE, revision=self._live.revision)
        for id in sorted(ids):
            try:
                revision = max(
                    self._live.get(id).revision, self._live.trials_revision(id), self._live.curves_revision(id)
                )
                yield Notice(kind=ChangeKind.SEARCH, revision=revision, id=id)
            except UnknownSearch:
                if knows_all(self._live):
                    yield Notice(kind=ChangeKind.GONE, revision=self._live.revision, id=id)


def knows_all(live: LiveSearches) -> bool:
    """Return whether a search that is not known does not exist: right after a start it may not have been read yet."""
    return all(source.seen is not None and source.problem is None for source in live.sources())


def _in_words(told: Told) -> Iterator[What]:
    """Yield what viewers are told of a change."""
    if told.kind is NoticeKind.SOURCE:
        yield ChangeKind.SOURCE, None
    elif told.kind is NoticeKind.GONE:
        yield ChangeKind.SEARCHES, None
        yield ChangeKind.GONE, told.id
    elif told.kind is NoticeKind.SEARCH:
        yield ChangeKind.SEARCHES, None
        yield ChangeKind.SEARCH, told.id
    elif told.kind is not NoticeKind.LOST:
        yield ChangeKind.SEARCH, told.id


def _event(notice: Notice) -> bytes:
    # JSON of one line: it holds no line breaks.
    return b"event: %s\ndata: %s\n\n" % (notice.kind.value.encode(), encode(notice))
