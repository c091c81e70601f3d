"""Export files, read once and again when they were replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from evonas.errors import EvonasError
from evonas.local.looks import looks_at
from evonas.recorded.knowledge_record import Knowledge
from evonas.recorded.search import RecordedSearch
from evonas.search.interventions import read_pins
from evonas.sources.export import ExportSource
from evonas.sources.live.board import Board
from evonas.sources.live.kept_trials import KeptTrials
from evonas.sources.live.results import Results
from evonas.sources.live.seen import NoticeKind, Origin, RunningAttempt, SeenSearch, SeenSource
from evonas.sources.live.watched import Watched
from evonas.sources.source import Source

POLL_SECONDS = 1.0


class ExportWatcher:
    """The export at ``path``: a search by itself."""

    def __init__(self, path: Path, id: str, board: Board, searches: dict[str, Watched]) -> None:
        self.trials = KeptTrials(board.revisions.next)
        self.images: Mapping[str, Sequence[str]] = {}
        self.running: Mapping[int, RunningAttempt] = {}
        self._path = path
        self._id = id
        self._board = board
        self._searches = searches
        self._known: Knowledge | None = None
        self._pinned: Sequence[int] = ()
        self._looks: tuple[int, ...] | None = None
        self._line: SeenSearch | None = None
        self._seen: datetime | None = None

    @property
    def name(self) -> str:
        """The file."""
        return str(self._path)

    @property
    def was_read(self) -> bool:
        """Whether the file was read, or has told why not."""
        return self._line is not None

    def state(self) -> SeenSource:
        """Return whether what is known of the file is current."""
        problem = None if self._line is None else self._line.problem
        return SeenSource(str(self._path), Origin.EXPORT, 1, self._seen, problem)

    async def fill(self) -> None:
        """Its trials are always kept."""

    async def knowledge(self) -> tuple[Knowledge | None, str]:
        """Return what the export says."""
        return self._known, ""

    def pinned(self) -> Sequence[int]:
        """Return which trials were pinned, in a cluster."""
        return self._pinned

    def source(self) -> Source:
        """Return the search's source."""
        return ExportSource(self._path)

    async def watch(self) -> None:
        """Look until cancelled."""
        self._searches[self._id] = self
        while True:
            line = await asyncio.to_thread(self._look)
            if line is not None:
                self._line = line
                self._board.show(line)
                self._board.tell(NoticeKind.TRIALS, self._id)
                self._board.tell(NoticeKind.SOURCE)
            if self._line is not None and self._line.problem is None:
                self._seen = datetime.now(UTC)
            await asyncio.sleep(POLL_SECONDS)

    def _look(self) -> SeenSearch | None:
        """Return the line if the file has changed."""
        looks = looks_at(self._path)
        if looks == self._looks:
            return None
        self._looks = looks
        try:
            return self._sum_up(ExportSource(self._path).read())
        except EvonasError as error:
            return self._unreadable(str(error))

    def _sum_up(self, record: RecordedSearch) -> SeenSearch:
        overview = record.overview
        self.trials.clear()
        results = Results()
        for trial in record.trials:
            self.trials.put(trial)
            results.put(trial)
        self.trials.settle()
        self.images, self._known = record.images, record.knowledge
        self._pinned = read_pins(record.body["metadata"].get("annotations", {}))
        return SeenSearch(
            id=self._id,
            revision=0,
            origin=Origin.EXPORT,
            reference=str(self._path),
            uid=record.identity.uid,
            body=record.body,
            overview=overview,
            trend=results.trend(record.spec.objectives, lambda: record.trials),
            ended=record.last_end if record.phase.is_at_rest else None,
        )

    def _unreadable(self, problem: str) -> SeenSearch:
        if self._line is not None:
            return replace(self._line, problem=problem, ended=None)
        return SeenSearch(self._id, 0, Origin.EXPORT, str(self._path), "", {}, None, (), None, problem)
