"""All searches of some places, kept current: one watcher a place, whatever the number of those who look."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from evonas.errors import EvonasError
from evonas.recorded.knowledge_record import Knowledge
from evonas.recorded.search import RecordedSearch
from evonas.search.trial import Trial
from evonas.sources.live.board import Board
from evonas.sources.live.export_file import ExportWatcher
from evonas.sources.live.kept_curves import KeptCurves
from evonas.sources.live.kept_trials import KeptTrials, Snapshot
from evonas.sources.live.places import ClusterPlace, ExportPlace, Place, RunPlace
from evonas.sources.live.runs import RunsWatcher
from evonas.sources.live.seen import (
    Notice,
    NoticeKind,
    RunningAttempt,
    SeenCurve,
    SeenCurves,
    SeenSearch,
    SeenSource,
    SeenTrials,
)
from evonas.sources.live.watched import Watched, Watcher
from evonas.sources.locate import live_cluster_module
from evonas.sources.source import Source, find_trial

MAX_TRIALS = 200_000
MAX_DECODED = 20_000
FEW = 100
"""So many trials are decoded in less time than it takes to have a thread do it."""
AFTER_BUG_SECONDS = 5.0

logger = logging.getLogger(__name__)


class UnknownSearch(KeyError):
    """No search has that id (any more)."""


@dataclass(frozen=True)
class _Decoded:
    """A search's record as it was last asked for."""

    kept: KeptTrials
    revision: int
    """Of the trials."""
    line: int
    by_index: Mapping[int, Trial]
    record: RecordedSearch


class LiveSearches:
    """The searches of ``places``; an async context manager that looks at them until it ends.

    All methods belong to the event loop that entered it. Those that may read or decode are asynchronous. UnknownSearch
    for an id that is not there; EvonasError with one sentence if a record cannot be read.

    Of a cluster's searches, ``max_trials`` trials are kept at most, as far as possible: beyond that, those of finished
    searches that were asked for longest ago are dropped, and read again when they are asked for. Of what was asked for
    last, ``max_decoded`` trials are kept decoded.
    """

    def __init__(
        self, places: Sequence[Place], *, max_trials: int = MAX_TRIALS, max_decoded: int = MAX_DECODED
    ) -> None:
        """NoCluster if a place is a cluster and the packages for that are not installed."""
        self._board = Board()
        self._curves = KeptCurves()
        self._searches: dict[str, Watched] = {}
        self._max_decoded = max_decoded
        self._decoded: OrderedDict[str, _Decoded] = OrderedDict()
        """Those asked for last come last."""
        self._locks: dict[str, asyncio.Lock] = {}
        self._bugs: dict[Watcher, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        numbers: Counter[str] = Counter()
        self._watchers = [self._watcher(place, numbers, max_trials) for place in places]

    def _watcher(self, place: Place, numbers: Counter[str], max_trials: int) -> Watcher:
        if isinstance(place, ClusterPlace):
            prefix = _numbered("cluster", "", numbers)
            watcher: Watcher = live_cluster_module().ClusterWatcher(
                place, prefix, self._board, self._curves, self._searches, max_trials=max_trials
            )
            return watcher
        if isinstance(place, ExportPlace):
            name = place.path.name
            return ExportWatcher(
                place.path, f"{_numbered('export', name, numbers)}:{name}", self._board, self._searches
            )
        is_run = isinstance(place, RunPlace)
        folder = place.folder.resolve() if is_run and place.folder == Path() else place.folder
        prefix = _numbered("run", folder.name if is_run else "", numbers)
        return RunsWatcher(folder, prefix, self._board, self._curves, self._searches, is_run=is_run)

    async def __aenter__(self) -> LiveSearches:
        """Begin to look; returns at once."""
        self._tasks = [asyncio.create_task(self._work(watcher)) for watcher in self._watchers]
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ready(self) -> None:
        """Wait until each place was read once, or has told why not."""
        with self._board.subscribe() as subscription:
            if self._is_ready:
                return
            async for _ in subscription:
                if self._is_ready:
                    return

    @property
    def _is_ready(self) -> bool:
        return all(watcher.was_read or watcher in self._bugs for watcher in self._watchers)

    @property
    def revision(self) -> int:
        """The latest of all revisions."""
        return self._board.revisions.latest

    def searches(self) -> Sequence[SeenSearch]:
        """Return all searches, by namespace and name."""
        return sorted(self._board.lines.values(), key=_order)

    def get(self, id: str) -> SeenSearch:
        """Return one."""
        line = self._board.lines.get(id)
        if line is None:
            raise UnknownSearch(id)
        return line

    def gone_since(self, revision: int) -> Sequence[str] | None:
        """Return the ids that ceased to exist after a revision; None if that is not known so far back."""
        return self._board.gone_since(revision)

    async def record(self, id: str) -> RecordedSearch:
        """Return all that is known of a search, with all of its trials."""
        return (await self._decode(id)).record

    async def trials(self, id: str, since: int = 0) -> SeenTrials:
        """Return the trials that changed after a revision (of ``SeenTrials``), or all."""
        watched = await self._filled(id)
        snapshot = watched.trials.snapshot(since)
        if not snapshot.complete:
            few = len(snapshot) <= FEW
            changed = list(snapshot.trials()) if few else await asyncio.to_thread(lambda: list(snapshot.trials()))
            return SeenTrials(snapshot.revision, False, snapshot.total, changed)
        decoded = await self._decode(id)
        return SeenTrials(decoded.revision, True, len(decoded.record.trials), decoded.record.trials)

    def trials_revision(self, id: str) -> int:
        """Return the revision of the latest change of a search's trials."""
        return self._watched(id).trials.revision

    async def curves(self, id: str) -> SeenCurves:
        """Return the learning curves of running trials and of the latest others."""
        record, revision = await self.record(id), self.curves_revision(id)
        told = self._curves.told(id, record.trials, self.running(id), _objectives(record))
        return SeenCurves(revision, told)

    def curves_revision(self, id: str) -> int:
        """Return the revision of the latest change of a search's curves."""
        return max(self._watched(id).trials.revision, self._board.curves.get(id, 0))

    async def curve(self, id: str, index: int) -> SeenCurve:
        """Return a trial's learning curve, which may be empty."""
        record = await self.record(id)
        running = index in self.running(id)
        return self._curves.one(id, find_trial(record, index), _objectives(record), running=running)

    def running(self, id: str) -> Mapping[int, RunningAttempt]:
        """Return the attempts under way, by the index of their trial."""
        return self._watched(id).running

    def pinned(self, id: str) -> Sequence[int]:
        """Return which trials are pinned."""
        return self._watched(id).pinned()

    def source(self, id: str) -> Source:
        """Return the search's source, for logs and actions; its methods block, so call them in a thread."""
        return self._watched(id).source()

    def sources(self) -> Sequence[SeenSource]:
        """Return the state of each place."""
        states = [(watcher.state(), self._bugs.get(watcher)) for watcher in self._watchers]
        return [state if bug is None else replace(state, problem=bug) for state, bug in states]

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[Notice]]:
        """Return an endless iterator over what changes from now on; of the same kind and search, the latest only."""
        with self._board.subscribe() as subscription:
            yield aiter(subscription)

    async def _work(self, watcher: Watcher) -> None:
        while True:
            try:
                await watcher.watch()
            except Exception as error:
                # A bug of ours: the other places, and those who look at them, have nothing to do with it.
                logger.exception("%s: looking on in %g s", watcher.state().name, AFTER_BUG_SECONDS)
                self._bugs[watcher] = f"looking there failed unexpectedly: {error!r}"
                self._board.tell(NoticeKind.SOURCE)
            await asyncio.sleep(AFTER_BUG_SECONDS)
            self._bugs.pop(watcher, None)

    def _watched(self, id: str) -> Watched:
        self.get(id)
        return self._searches[id]

    async def _filled(self, id: str) -> Watched:
        line = self.get(id)
        if line.overview is None:
            raise EvonasError(line.problem or f"{line.reference} cannot be read")
        watched = self._watched(id)
        await watched.fill()
        return watched

    async def _decode(self, id: str) -> _Decoded:
        async with self._locks.setdefault(id, asyncio.Lock()):
            watched = await self._filled(id)
            line, known = self.get(id), self._decoded.get(id)
            if known is not None and known.kept is not watched.trials:
                known = None
            snapshot = watched.trials.snapshot(0 if known is None else known.revision)
            if known is None or (snapshot.revision, line.revision) != (known.revision, known.line):
                knowledge = await watched.knowledge()
                known = await asyncio.to_thread(_decoded, watched, line, knowledge, known, snapshot)
            self._keep(id, known)
            return known

    def _keep(self, id: str, decoded: _Decoded) -> None:
        self._decoded[id] = decoded
        self._decoded.move_to_end(id)
        for gone in self._decoded.keys() - self._board.lines.keys():
            del self._decoded[gone]
        for gone in self._locks.keys() - self._board.lines.keys():
            del self._locks[gone]
        while len(self._decoded) > 1 and sum(len(kept.by_index) for kept in self._decoded.values()) > self._max_decoded:
            self._decoded.popitem(last=False)


def _decoded(
    watched: Watched,
    line: SeenSearch,
    knowledge: tuple[Knowledge | None, str],
    known: _Decoded | None,
    snapshot: Snapshot,
) -> _Decoded:
    """Return the record, in a thread: a large one takes a second."""
    assert line.overview is not None
    by_index: Mapping[int, Trial]
    if known is None or snapshot.complete:
        by_index = {trial.index: trial for trial in snapshot.trials()}
    else:
        by_index = {**known.by_index, **{trial.index: trial for trial in snapshot.trials()}}
    record = RecordedSearch(
        source=watched.name,
        body=line.body,
        trials=tuple(by_index[index] for index in sorted(by_index)),
        phase=line.overview.phase,
        images=watched.images,
        knowledge=knowledge[0],
        knowledge_problem=knowledge[1],
    )
    return _Decoded(watched.trials, snapshot.revision, line.revision, by_index, record)


def _numbered(kind: str, name: str, numbers: Counter[str]) -> str:
    """Return how ids of a place begin: the same for the same command line, and no two places share it."""
    numbers[kind] += 1
    # Of a folder of runs, no name is known before it is read.
    clashes = numbers[kind] > 1 and (not name or numbers[f"{kind}:"] + numbers[f"{kind}:{name}"] > 0)
    numbers[f"{kind}:{name}"] += 1
    return f"{kind}{numbers[kind]}" if clashes else kind


def _order(line: SeenSearch) -> tuple[str, str, str]:
    metadata: Mapping[str, str] = line.body.get("metadata", {})
    return metadata.get("namespace") or "", metadata.get("name", ""), line.id


def _objectives(record: RecordedSearch) -> list[str]:
    return [objective.name for objective in record.spec.objectives]
