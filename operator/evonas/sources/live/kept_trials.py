"""The trials of one search, packed: tens of thousands of them take a few megabytes.

Trials at rest are kept compressed, in chunks of neighbours, which say almost the same; those that change are kept as
they are. Any thread may put or read: reading takes a snapshot, which is then decoded without a lock.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from threading import Lock
from typing import Any

from evonas.search.codec import from_object
from evonas.search.trial import Trial

CHUNK = 256
"""Indexes a chunk."""
MOST_LOOSE = 256
"""Trials at rest that are kept as they are until they are packed together."""
MOST_CHANGES = 20_000
"""Changes whose revisions are known one by one."""
_DERIVED = frozenset({"searchRef", "conditions"})
"""Fields that a trial is not read from."""


@dataclass(frozen=True)
class Snapshot:
    """Trials at one moment, packed as they were."""

    revision: int
    complete: bool
    """Whether these are all, and not just those that have changed."""
    total: int
    _chunks: Mapping[int, bytes]
    _loose: Mapping[int, bytes]
    _indexes: Collection[int]

    def __len__(self) -> int:
        return len(self._indexes)

    def trials(self) -> Iterator[Trial]:
        """Yield the trials, by index."""
        for place, indexes in groupby(sorted(self._indexes), lambda index: index // CHUNK):
            wanted = list(indexes)
            packed = {} if all(index in self._loose for index in wanted) else _open(self._chunks[place])
            lines = (self._loose.get(index) or packed[index] for index in wanted)
            # Read together, they share the names of their fields.
            yield from map(from_object, json.loads(b"[%b]" % b",".join(lines)))


class KeptTrials:
    """All trials of one search. ``next_revision`` gives the number of each change."""

    def __init__(self, next_revision: Callable[[], int]) -> None:
        self._next_revision = next_revision
        self._lock = Lock()
        self._chunks: dict[int, bytes] = {}
        self._loose: dict[int, bytes] = {}
        """Those that are in no chunk, or changed after they were packed."""
        self._resting: set[int] = set()
        """Those of the loose ones that are final."""
        self._indexes: set[int] = set()
        self._changed: dict[int, int] = {}
        """Revisions after ``_base``, the oldest first."""
        self._base = next_revision()
        """Who knows less than this knows nothing that counts."""
        self.revision = self._base
        """Of the latest change."""

    def __len__(self) -> int:
        return len(self._indexes)

    @property
    def indexes(self) -> frozenset[int]:
        """Which trials there are."""
        with self._lock:
            return frozenset(self._indexes)

    def put(self, trial: Trial, body: Mapping[str, Any]) -> bool:
        """Keep the object that ``trial`` was read from; says whether anything is new."""
        index, line = trial.index, _pack(body)
        with self._lock:
            if self._loose.get(index) == line:
                return False
            self._loose[index] = line
            (self._resting.add if trial.state.is_final else self._resting.discard)(index)
            self._indexes.add(index)
            self._note(index)
            if len(self._resting) >= MOST_LOOSE:
                self._pack_resting()
        return True

    def drop(self, index: int) -> bool:
        """Forget a deleted trial; says whether there was one. Whoever asks is told all of the others."""
        with self._lock:
            if index not in self._indexes:
                return False
            self._indexes.discard(index)
            self._loose.pop(index, None)
            self._resting.discard(index)
            self._restart()
        return True

    def clear(self) -> None:
        """Forget all trials."""
        with self._lock:
            for content in (self._chunks, self._loose, self._resting, self._indexes):
                content.clear()
            self._restart()

    def touch(self) -> None:
        """Note that something has changed of which nothing is kept."""
        with self._lock:
            self._restart()

    def pack(self) -> None:
        """Pack all that is at rest."""
        with self._lock:
            self._pack_resting()

    def settle(self) -> None:
        """Pack what is at rest, and forget what changed when: whoever knew less is told everything."""
        with self._lock:
            self._pack_resting()
            self._base = self.revision
            self._changed.clear()

    def snapshot(self, since: int = 0) -> Snapshot:
        """Return what has changed after a revision, or everything if that is not known."""
        with self._lock:
            complete = since < self._base
            if complete:
                indexes: Collection[int] = frozenset(self._indexes)
            else:
                indexes = [index for index, revision in self._changed.items() if revision > since]
            return Snapshot(self.revision, complete, len(self._indexes), dict(self._chunks), dict(self._loose), indexes)

    def _note(self, index: int) -> None:
        self.revision = self._next_revision()
        # Last in the order of the dictionary, too.
        self._changed.pop(index, None)
        self._changed[index] = self.revision
        if len(self._changed) > MOST_CHANGES:
            for oldest in list(self._changed)[: MOST_CHANGES // 2]:
                self._base = self._changed.pop(oldest)

    def _restart(self) -> None:
        self.revision = self._base = self._next_revision()
        self._changed.clear()

    def _pack_resting(self) -> None:
        by_chunk: dict[int, list[int]] = {}
        for index in sorted(self._resting):
            by_chunk.setdefault(index // CHUNK, []).append(index)
        for place, indexes in by_chunk.items():
            lines = _open(self._chunks[place]) if place in self._chunks else {}
            lines |= {index: self._loose.pop(index) for index in indexes}
            self._chunks[place] = _close(lines)
        self._resting.clear()


def _pack(body: Mapping[str, Any]) -> bytes:
    """Return what a trial is read from: the rest of its object follows from that or from its search."""
    kept = {
        part: {name: value for name, value in body[part].items() if name not in _DERIVED}
        for part in ("spec", "status")
        if part in body
    }
    return json.dumps(kept, separators=(",", ":")).encode()


def _close(lines: Mapping[int, bytes]) -> bytes:
    return zlib.compress(b"\n".join(b"%d %b" % (index, lines[index]) for index in sorted(lines)))


def _open(chunk: bytes) -> dict[int, bytes]:
    lines = (line.partition(b" ") for line in zlib.decompress(chunk).split(b"\n"))
    return {int(index): line for index, _, line in lines}
