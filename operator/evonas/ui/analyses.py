"""The latest analysis of each search: made in a thread, kept for its revision, and while trials change quickly served
for a while after.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from evonas.sources.following import SHARE
from evonas.sources.live.directory import LiveSearches
from evonas.ui.encoding import Packed, encode
from evonas.ui.latest import Latest
from evonas.ui.threads import Once, Turns, in_thread
from evonas.ui.views.analysis import analyse

MOST_KEPT = 64


@dataclass(frozen=True)
class _Kept:
    uid: str
    revision: int
    packed: Packed
    good_until: float
    """By the monotonic clock: analysing a search takes at most a tenth of the time, however often it changes."""


class Analyses:
    """The analyses of all searches that are looked at."""

    def __init__(self, live: LiveSearches, turns: Turns) -> None:
        self._live = live
        self._turns = turns
        self._kept = Latest[str, _Kept](MOST_KEPT)
        self._once = Once[Packed]()

    async def get(self, id: str) -> Packed:
        """Return the encoded analysis of a search."""
        uid, revision = self._live.get(id).uid, self._live.trials_revision(id)
        kept = self._kept.get(id)
        if kept is not None and kept.uid == uid and (kept.revision == revision or time.monotonic() < kept.good_until):
            return kept.packed
        return await self._once.make((id, uid), lambda: self._make(id, uid, revision))

    async def _make(self, id: str, uid: str, revision: int) -> Packed:
        async with self._turns.of(id):
            record = await self._live.record(id)
            began = time.monotonic()
            packed = await in_thread(lambda: Packed.of(encode(analyse(record, revision))))
            ended = time.monotonic()
        self._kept.put(id, _Kept(uid, revision, packed, ended + SHARE * (ended - began)))
        return packed
