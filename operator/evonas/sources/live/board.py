"""The lines about all searches, in what order they changed, and who is told so. Pure; belongs to one event loop."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from evonas.sources.live.seen import Notice, NoticeKind, SeenSearch

MAX_GONE = 1_000
"""Searches that ceased to exist whose ids are remembered."""
MAX_WAITING = 4_096
"""Notices that wait for one subscriber."""


class Revisions:
    """Numbers that grow. Any thread may take one."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.latest = 0

    def next(self) -> int:
        """Return a number that is larger than all before."""
        # Two threads may note theirs in the wrong order; whoever asks again is told a little too much then.
        self.latest = number = next(self._numbers)
        return number


class Subscription:
    """What waits for one subscriber: of the same kind and search, the latest notice only."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[NoticeKind, str | None], Notice] = {}
        self._news = asyncio.Event()

    def put(self, notice: Notice) -> None:
        """Have the subscriber told, once they ask."""
        self._waiting[notice.kind, notice.id] = notice
        if len(self._waiting) > MAX_WAITING:
            self._waiting = {(NoticeKind.LOST, None): Notice(NoticeKind.LOST, notice.revision)}
        self._news.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Notice:
        """Return the next notice, whenever there is one; who has been cancelled while waiting may ask again."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        return self._waiting.pop(next(iter(self._waiting)))


class Board:
    """What is known of all searches."""

    def __init__(self) -> None:
        self.revisions = Revisions()
        self.curves: dict[str, int] = {}
        """Revisions of the searches' learning curves."""
        self._lines: dict[str, SeenSearch] = {}
        self._gone: deque[tuple[int, str]] = deque(maxlen=MAX_GONE)
        self._gone_from = 0
        """All that ceased to exist after this revision are remembered."""
        self._subscriptions: set[Subscription] = set()

    @property
    def lines(self) -> Mapping[str, SeenSearch]:
        """The lines by id."""
        return self._lines

    def show(self, line: SeenSearch) -> None:
        """Take in a line about a search; one that says nothing new changes nothing."""
        known = self._lines.get(line.id)
        if known is not None and replace(line, revision=known.revision) == known:
            return
        revision = self.revisions.next()
        self._lines[line.id] = replace(line, revision=revision)
        self._tell(NoticeKind.SEARCH, revision, line.id)

    def remove(self, id: str) -> None:
        """Take a search away that does not exist any more."""
        if self._lines.pop(id, None) is None:
            return
        self.curves.pop(id, None)
        revision = self.revisions.next()
        if len(self._gone) == MAX_GONE:
            self._gone_from = self._gone[0][0]
        self._gone.append((revision, id))
        self._tell(NoticeKind.GONE, revision, id)

    def gone_since(self, revision: int) -> Sequence[str] | None:
        """Return the ids of those that ceased to exist after a revision; None if not all are remembered."""
        if revision < self._gone_from:
            return None
        return list(dict.fromkeys(id for when, id in self._gone if when > revision and id not in self._lines))

    def tell(self, kind: NoticeKind, id: str | None = None) -> None:
        """Tell everybody that something else has changed."""
        self._tell(kind, self.revisions.latest, id)

    def tell_curves(self, id: str) -> None:
        """Tell everybody that a search's curves have changed."""
        self.curves[id] = self.revisions.next()
        self._tell(NoticeKind.CURVES, self.curves[id], id)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """Have everything told from now on, until the block ends."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def _tell(self, kind: NoticeKind, revision: int, id: str | None) -> None:
        for subscription in self._subscriptions:
            subscription.put(Notice(kind, revision, id))
