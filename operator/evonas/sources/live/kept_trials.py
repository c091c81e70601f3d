"""The trials of one search, packed: tens of thousands of them take a few megabytes, and are read in a moment.

Trials at rest are kept compressed, in chunks of neighbours, which say almost the same; the others are kept as they are,
and so are those that have just ended. Any thread may put or read: what is read is unpacked outside of the lock.
"""

from __future__ import annotations

import pickle
import sys
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from threading import Lock
from typing import TypeVar

from evonas.search.trial import Trial

V = TypeVar("V")

CHUNK = 256
"""Indexes a chunk."""
MOST_LOOSE = 128
"""Trials at rest that are kept as they are until they are packed together."""
MOST_CHANGES = 20_000
"""Changes whose revisions are known one by one."""
LEVEL = 1
"""Higher levels gain a tenth in size, and cost three times as much when unpacking."""


@dataclass(frozen=True)
class Snapshot:
    """Trials at one moment, packed as they were."""

    revision: int
    complete: bool
    """Whether these are all, and not just those that have changed."""
    total: int
    _chunks: Mapping[int, bytes]
    _loose: Mapping[int, Trial]
    _indexes: Collection[int]

    def __len__(self) -> int:
        return len(self._indexes)

    def trials(self) -> Iterator[Trial]:
        """Yield the trials, by index."""
        for place, indexes in groupby(sorted(self._indexes), lambda index: index // CHUNK):
            wanted = list(indexes)
            packed = {} if all(index in self._loose for index in wanted) else _unpack(self._chunks[place])
            yield from (self._loose.get(index) or packed[index] for index in wanted)


class KeptTrials:
    """All trials of one search. ``next_revision`` gives the number of each change."""

    def __init__(self, next_revision: Callable[[], int]) -> None:
        self._next_revision = next_revision
        self._lock = Lock()
        self._chunks: dict[int, bytes] = {}
        self._loose: dict[int, Trial] = {}
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

    def put(self, trial: Trial) -> None:
        """Take in a trial as it is now."""
        index = trial.index
        with self._lock:
            if self._loose.get(index) == trial:
                return
            self._loose[index] = trial
            (self._resting.add if trial.state.is_final else self._resting.discard)(index)
            self._indexes.add(index)
            self._note(index)
            if len(self._resting) >= MOST_LOOSE:
                self._pack_resting()

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
            self._chunks.clear()
            self._loose.clear()
            self._resting.clear()
            self._indexes.clear()
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
        for place, indexes in groupby(sorted(self._resting), lambda index: index // CHUNK):
            trials = _unpack(self._chunks[place]) if place in self._chunks else {}
            trials |= {index: _sharing_names(self._loose.pop(index)) for index in indexes}
            self._chunks[place] = zlib.compress(pickle.dumps(trials, pickle.HIGHEST_PROTOCOL), LEVEL)
        self._resting.clear()


def _unpack(chunk: bytes) -> dict[int, Trial]:
    # Nobody else has written this: it has never left this process.
    trials: dict[int, Trial] = pickle.loads(zlib.decompress(chunk))
    return trials


def _sharing_names(trial: Trial) -> Trial:
    """Return the trial with names that it has in common with the others: pickled together, they are kept once."""
    proposal = replace(trial.proposal, origin=sys.intern(trial.proposal.origin))
    decisions, metrics = _interned(trial.decisions), _interned(trial.metrics)
    return replace(trial, proposal=proposal, decisions=decisions, metrics=metrics, reason=sys.intern(trial.reason))


def _interned(values: Mapping[str, V]) -> dict[str, V]:
    return {sys.intern(name): value for name, value in values.items()}
