"""Local runs of a folder, looked at again and again: polling, which works on every file system, and costs a few
microseconds for a run that nobody works on. One thread at a time looks.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from evonas.local.journal import JOURNAL_FILE
from evonas.sources.live.board import Board
from evonas.sources.live.kept_curves import KeptCurves
from evonas.sources.live.run import Gone, Run, RunNews
from evonas.sources.live.seen import NoticeKind, Origin, SeenSource
from evonas.sources.live.watched import Watched

POLL_SECONDS = 0.3
SCAN_SECONDS = 5.0
"""How often a folder is listed that seems to be unchanged: not all file systems say when it was changed."""


class RunsWatcher:
    """The runs in the folders below ``folder``, or, if it ``is_run``, that in the folder itself.

    ``prefix`` begins the ids of its searches; ``searches`` takes in what is found, by id.
    """

    def __init__(
        self, folder: Path, prefix: str, board: Board, curves: KeptCurves, searches: dict[str, Watched], *, is_run: bool
    ) -> None:
        self._folder = folder
        self._prefix = prefix
        self._board = board
        self._curves = curves
        self._searches = searches
        self._is_run = is_run
        self._runs: dict[str, Run] = {}
        """By the folder's name."""
        self._names: Sequence[str] = [folder.name] if is_run else []
        self._scanned = (float("-inf"), -1)
        """When the folder was listed, and when it had been changed."""
        self._seen: datetime | None = None
        self._problem: str | None = None
        self._stopped = False
        self._looked = False

    @property
    def was_read(self) -> bool:
        """Whether the folder was read once, or has told why not."""
        return self._looked

    def state(self) -> SeenSource:
        """Return whether what is known of the folder is current."""
        return SeenSource(str(self._folder), Origin.RUN, len(self._runs), self._seen, self._problem)

    async def watch(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        self._stopped = False
        try:
            while True:
                # What the thread finds is taken in before the loop goes on here: it is given to the loop before.
                problem = await asyncio.to_thread(
                    self._look, lambda run, news: loop.call_soon_threadsafe(self._take_in, run, news)
                )
                self._seen = datetime.now(UTC) if problem is None else self._seen
                if not self._looked or problem != self._problem:
                    self._looked, self._problem = True, problem
                    self._board.tell(NoticeKind.SOURCE)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._stopped = True

    def _take_in(self, run: Run, news: RunNews) -> None:
        if news.gone:
            self._searches.pop(news.id, None)
            self._curves.forget(news.id)
            self._board.remove(news.id)
            self._board.tell(NoticeKind.SOURCE)
            return
        if news.id not in self._searches:
            self._searches[news.id] = run
            self._board.tell(NoticeKind.SOURCE)
        if news.line is not None:
            self._board.show(news.line)
        if news.trials:
            self._board.tell(NoticeKind.TRIALS, news.id)
        reported = [self._curves.see(news.id, index, attempt, report) for index, attempt, report in news.progress]
        if any(reported) or news.running:
            self._board.tell_curves(news.id)

    def _look(self, tell: Callable[[Run, RunNews], object]) -> str | None:
        """Look at all runs; returns why that is impossible. In a thread."""
        try:
            self._scan()
        except FileNotFoundError:
            # No run was started there yet.
            self._names = []
        except OSError as error:
            return f"cannot read {self._folder}: {error.strerror}"
        for name in self._names:
            if self._stopped:
                break
            self._look_at(name, tell)
        for name in self._runs.keys() - set(self._names):
            run = self._runs.pop(name)
            tell(run, RunNews(run.id, gone=True))
        return None

    def _look_at(self, name: str, tell: Callable[[Run, RunNews], object]) -> None:
        run = self._runs.get(name)
        if run is None:
            folder = self._folder if self._is_run else self._folder / name
            if not _is_file(folder / JOURNAL_FILE):
                return
            run = self._runs[name] = Run(f"{self._prefix}:{_as_text(name)}", folder, self._board.revisions.next)
        try:
            news = run.look()
        except Gone:
            del self._runs[name]
            news = RunNews(run.id, gone=True)
        except Exception as error:  # noqa: BLE001 - a bug of ours; the other runs have nothing to do with it
            news = run.failed(error)
        if news is not None:
            tell(run, news)

    def _scan(self) -> None:
        if self._is_run:
            return
        changed, now = self._folder.stat().st_mtime_ns, time.monotonic()
        when, known = self._scanned
        if changed == known and now < when + SCAN_SECONDS:
            return
        with os.scandir(self._folder) as entries:
            folders = [entry for entry in entries if _is_folder(entry)]
        # Of many runs, the latest are of interest first.
        self._names = [entry.name for entry in sorted(folders, key=_changed, reverse=True)]
        self._scanned = (now, changed)


def _as_text(name: str) -> str:
    """Return a folder's name as something that addresses can hold: bytes that are no text are written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link that leads to itself, or to where this user may not look, is no run of theirs.
        return False


def _is_file(path: Path) -> bool:
    try:
        # Neither a folder nor a pipe, which would be waited for.
        return path.is_file()
    except OSError:
        # Whoever may not enter a folder (lost+found, say) has no run there.
        return False


def _changed(entry: os.DirEntry[str]) -> float:
    with suppress(OSError):
        return Path(entry.path, JOURNAL_FILE).stat().st_mtime
    return 0.0
