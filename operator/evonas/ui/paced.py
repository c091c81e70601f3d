"""What is made of all trials of a search whenever one changes: for a small share of the time, however many there are.

Nobody is told what is older than what they could know when they asked: who asks too soon waits, and all who wait get
the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from evonas.sources.following import SHARE
from evonas.ui.encoding import Packed
from evonas.ui.latest import Latest
from evonas.ui.threads import Once

MOST_KEPT = 64
LONGEST_PAUSE = 2.0
"""Seconds that somebody waits at most before an answer is begun."""

AsOf = tuple[object, tuple[int, ...]]
"""What must be the same, and revisions, each of which only grows."""


@dataclass(frozen=True)
class _Kept:
    as_of: AsOf
    packed: Packed
    began: float
    """When it was begun, by the monotonic clock."""
    again: float
    """When the next may be begun."""

    def covers(self, wanted: AsOf) -> bool:
        same, revisions = wanted
        newer = (mine >= theirs for mine, theirs in zip(self.as_of[1], revisions, strict=True))
        return self.as_of[0] == same and all(newer)


class Paced:
    """The latest answer about each search."""

    def __init__(self) -> None:
        self._kept = Latest[str, _Kept](MOST_KEPT)
        self._once = Once[None]()

    async def get(self, id: str, as_of: Callable[[], AsOf], make: Callable[[], Awaitable[Packed]]) -> Packed:
        """Return an answer that is at least as new as what ``as_of`` says now."""
        wanted, asked = as_of(), time.monotonic()
        while True:
            kept = self._kept.get(id)
            if kept is not None and (kept.covers(wanted) or kept.began > asked):
                return kept.packed
            await self._once.make(id, lambda: self._make(id, as_of, make))

    async def _make(self, id: str, as_of: Callable[[], AsOf], make: Callable[[], Awaitable[Packed]]) -> None:
        kept = self._kept.get(id)
        if kept is not None:
            await asyncio.sleep(min(kept.again - time.monotonic(), LONGEST_PAUSE))
        # Whatever changes while it is made may be in it, or not.
        made_as_of, began = as_of(), time.monotonic()
        packed = await make()
        ended = time.monotonic()
        self._kept.put(id, _Kept(made_as_of, packed, began, ended + SHARE * (ended - began)))
