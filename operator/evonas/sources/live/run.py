"""One local run, read on whenever its journal has grown. What it does, it does in the thread of ``runs``."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evonas.errors import EvonasError
from evonas.local.damage import find_damage
from evonas.local.journal import JOURNAL_FILE
from evonas.local.journal_reader import JournalReader
from evonas.local.locks import is_locked
from evonas.local.looks import looks_at
from evonas.local.processes.attempts import LOCK_FILE, attempt_folder
from evonas.local.processes.left_progress import progress_file, read_progress
from evonas.local.requests.pinned import Pinned
from evonas.recorded.knowledge_record import Knowledge
from evonas.recorded.search import Phase, manifest_of, overview_from
from evonas.search.budget import find_deadline
from evonas.search.codec import from_time
from evonas.search.contradictions import find_contradiction
from evonas.search.totals import Totals
from evonas.search.trial import Trial, TrialState
from evonas.search.trial_progress import Progress
from evonas.search.wanted import wanted_of
from evonas.sources.journal import JournalSource, at_rest
from evonas.sources.live.kept_trials import KeptTrials
from evonas.sources.live.results import Results
from evonas.sources.live.seen import Origin, RunningAttempt, SeenSearch
from evonas.sources.source import Source
from evonas.spec import SearchSpec

LOCK_SECONDS = 3.0
"""How often a run that nobody works on is asked whether somebody does."""
REST_SECONDS = 0.9
"""How often it is looked at otherwise: of many runs, few are worked on."""


logger = logging.getLogger(__name__)


class Gone(Exception):
    """The run was deleted."""


@dataclass(frozen=True)
class RunNews:
    """What has changed of a run."""

    id: str
    line: SeenSearch | None = None
    trials: bool = False
    progress: Sequence[tuple[int, int, Progress]] = ()
    """Index, attempt and report of those that have reported."""
    running: bool = False
    """Whether other attempts are under way than before."""
    gone: bool = False


class Run:
    """The run in ``folder``."""

    def __init__(self, id: str, folder: Path, next_revision: Callable[[], int]) -> None:
        self.id = id
        self.trials = KeptTrials(next_revision)
        self.images: Mapping[str, Sequence[str]] = {}
        self.running: Mapping[int, RunningAttempt] = {}
        self._folder = folder
        self._journal = folder / JOURNAL_FILE
        self._reader = JournalReader(self._journal, self._take, self._forget)
        self._is_locked = False
        self._lock_seen = self._seen = float("-inf")
        self._look_again: datetime | None = None
        """When a limit will be reached with nobody at work."""
        self._line: SeenSearch | None = None
        self._spec: tuple[Mapping[str, Any], SearchSpec] | None = None
        self._resting: Totals | None = None
        """What the final trials add up to; None if that is to be found out."""
        self._final: set[int] = set()
        self._open: dict[int, Trial] = {}
        """The others."""
        self._wrong: dict[int, str] = {}
        self._results = Results()
        self._last_end: datetime | None = None
        self._ended_now: list[Trial] = []
        self._reported: dict[Path, tuple[int, ...]] = {}
        """What the file of an attempt's progress looked like when it was last read, by its folder."""

    @property
    def name(self) -> str:
        """The folder."""
        return str(self._folder)

    async def fill(self) -> None:
        """Its trials are always kept."""

    async def knowledge(self) -> tuple[Knowledge | None, str]:
        """Return what the journal says."""
        return self._reader.knowledge, ""

    def pinned(self) -> Sequence[int]:
        """Return which trials are pinned."""
        return Pinned(self._folder).indexes()

    def source(self) -> Source:
        """Return the search's source; what is missing from its files is in its line."""
        return JournalSource(self._folder, warn=lambda _: None)

    def look(self) -> RunNews | None:
        """Return what has changed since the last look; Gone if the run was deleted."""
        now = time.monotonic()
        if not self._is_locked and now < self._seen + REST_SECONDS:
            return None
        self._seen = now
        try:
            news = self._reader.has_news
        except OSError as error:
            raise Gone from error
        was_locked, revision = self._is_locked, self.trials.revision
        if news or was_locked or now >= self._lock_seen + LOCK_SECONDS:
            # Before reading: a run that is over by now has written all that it will.
            self._is_locked, self._lock_seen = self._is_worked_on(), now
        due = self._look_again is not None and datetime.now(UTC) >= self._look_again
        line = None
        if news or due or was_locked != self._is_locked or self._line is None:
            line = self._read_on()
            self._line = line or self._line
        attempts, progress = self._look_at_attempts()
        if attempts:
            line = self._line = self._read_on()
        found = RunNews(self.id, line, self.trials.revision != revision, progress, attempts)
        return found if found != RunNews(self.id) else None

    def failed(self, error: Exception) -> RunNews | None:
        """Return what is to be told after a look failed as none should; None if that was told."""
        problem = f"reading {self._folder} failed unexpectedly: {error!r}"
        if self._line is not None and self._line.problem == problem:
            return None
        logger.error("%s", problem, exc_info=error)
        self._line = self._unreadable(problem)
        return RunNews(self.id, self._line)

    def _is_worked_on(self) -> bool:
        try:
            return is_locked(self._journal)
        except OSError:
            # Reading says why.
            return False

    def _read_on(self) -> SeenSearch | None:
        """Return the line; None as long as nothing at all is recorded, since the run is just starting."""
        try:
            self._reader.read_on()
            if self._line is None:
                # Nobody knows anything yet.
                self.trials.settle()
            search = self._reader.search
            return None if search is None else self._sum_up(search)
        except EvonasError as error:
            return self._unreadable(str(error))
        except OSError as error:
            return self._unreadable(f"cannot read {self._folder}: {error.strerror}")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return self._unreadable(f"{self._journal} is damaged ({error!r}); restore it from a copy")

    def _sum_up(self, search: Mapping[str, Any]) -> SeenSearch:
        if self._wrong:
            index = min(self._wrong)
            raise EvonasError(f"{self._folder}: trial {index}: {self._wrong[index]}; restore the record from a copy")
        if self._spec is None or self._spec[0] is not search:
            self._spec = (search, SearchSpec.parse(manifest_of(search)))
            self._resting = None
        spec = self._spec[1]
        totals = self._resting_totals(spec).plus(map(self._as_seen, self._open.values()))
        start = from_time(search["metadata"]["creationTimestamp"])
        phase, warnings = Phase.RUNNING, list[str]()
        self._look_again = None
        if not self._is_locked:
            paused = [trial for trial in self._open.values() if trial.state is TrialState.PAUSED]
            search, phase = at_rest(search, spec, totals, paused, self._last_end)
            deadline = find_deadline(spec, start)
            if deadline is not None and deadline > datetime.now(UTC):
                self._look_again = deadline
            warnings = find_damage(self._folder, self.trials.indexes, self._reader.torn())
            self._resting = None
            self.trials.pack()
        return SeenSearch(
            id=self.id,
            revision=0,
            origin=Origin.RUN,
            reference=str(self._folder),
            uid=search["metadata"]["uid"],
            body=search,
            overview=overview_from(search, spec, totals, phase),
            trend=self._results.trend(spec.objectives, self.trials.snapshot().trials),
            ended=self._last_end if phase.is_at_rest else None,
            warnings=tuple(warnings),
        )

    def _unreadable(self, problem: str) -> SeenSearch:
        if self._line is not None:
            return replace(self._line, problem=problem)
        body = self._reader.search or {}
        uid = str(body.get("metadata", {}).get("uid", ""))
        reference = str(self._folder)
        return SeenSearch(self.id, 0, Origin.RUN, reference, uid, body, None, (), None, problem)

    def _as_seen(self, trial: Trial) -> Trial:
        """Return a trial as it is: that its attempt has been started is not in the journal, which has no need of it."""
        attempt = self.running.get(trial.index)
        if attempt is None or attempt.attempt != trial.latest_attempt or not trial.state.holds_place:
            return trial
        start = trial.start_time or attempt.started
        return replace(trial, state=TrialState.RUNNING, reason="", message="", start_time=start)

    def _take(self, trial: Trial) -> None:
        index = trial.index
        self.trials.put(self._as_seen(trial))
        self._results.put(trial)
        if (problem := find_contradiction(trial)) is not None:
            self._wrong[index] = str(problem)
        else:
            self._wrong.pop(index, None)
        if trial.completion_time is not None:
            self._last_end = max(self._last_end or trial.completion_time, trial.completion_time)
        if index in self._final:
            # Nobody but a user's editor writes this.
            self._resting = None
        if not trial.state.is_final:
            self._final.discard(index)
            self._open[index] = trial
            return
        if self._open.pop(index, None) is not None:
            self._ended_now.append(trial)
        if index not in self._final and self._resting is not None:
            self._resting.add(trial)
        self._final.add(index)

    def _forget(self) -> None:
        """The journal was replaced."""
        self.trials.clear()
        self._results, self._resting, self._last_end, self._line = Results(), None, None, None
        for content in (self._final, self._open, self._wrong, self._reported, self._ended_now):
            content.clear()

    def _resting_totals(self, spec: SearchSpec) -> Totals:
        if self._resting is None:
            known = self.trials.snapshot().trials()
            self._resting = Totals(spec.objectives, (trial for trial in known if trial.state.is_final))
        return self._resting

    def _look_at_attempts(self) -> tuple[bool, Sequence[tuple[int, int, Progress]]]:
        """Return whether other attempts run than before, and what has been reported."""
        ended, self._ended_now = self._ended_now, []
        if self._spec is None or not (self._is_locked or self.running):
            return False, ()
        printed = wanted_of(self._spec[1]) is not None
        held = [trial for trial in self._open.values() if trial.state.holds_place] if self._is_locked else []
        progress = [*self._progress(held, printed=printed), *self._progress(ended, printed=printed)]
        running = {trial.index: found for trial in held if (found := self._attempt(trial)) is not None}
        changed = running != self.running
        self.running = running
        if changed:
            for trial in self._open.values():
                self.trials.put(self._as_seen(trial))
        for folder in self._reported.keys() - {self._attempt_folder(trial) for trial in held}:
            del self._reported[folder]
        return changed, progress

    def _progress(self, trials: Sequence[Trial], *, printed: bool) -> Iterator[tuple[int, int, Progress]]:
        for trial in trials:
            folder = self._attempt_folder(trial)
            written = looks_at(progress_file(folder, printed=printed))
            if self._reported.get(folder, ()) == written:
                continue
            self._reported[folder] = written
            if (progress := read_progress(folder, printed=printed)) is not None:
                yield trial.index, trial.latest_attempt, progress

    def _attempt(self, trial: Trial) -> RunningAttempt | None:
        known = self.running.get(trial.index)
        if known is not None and known.attempt == trial.latest_attempt:
            return known
        try:
            started = (self._attempt_folder(trial) / LOCK_FILE).stat().st_mtime
        except OSError:
            # Its process is about to be started.
            return None
        return RunningAttempt(trial.index, trial.latest_attempt, datetime.fromtimestamp(started, UTC))

    def _attempt_folder(self, trial: Trial) -> Path:
        return attempt_folder(self._folder, trial.index, trial.latest_attempt)
