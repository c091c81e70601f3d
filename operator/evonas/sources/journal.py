"""A local run's folder as a source: the journal and the logs beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from evonas.errors import EvonasError
from evonas.local.damage import find_damage
from evonas.local.journal import JOURNAL_FILE, read_journal
from evonas.local.locks import is_locked
from evonas.local.processes.attempts import LOCK_FILE, attempt_folder
from evonas.local.processes.logfile import LOG_FILE, read_on
from evonas.local.requests.enqueued import Enqueued
from evonas.local.requests.lines import torn_line
from evonas.local.requests.pinned import Pinned
from evonas.local.requests.vetoed import Vetoed
from evonas.recorded.search import Phase, RecordedSearch, phase_of
from evonas.search.backlog import Decisions
from evonas.search.budget import Limit, Standing, find_limit
from evonas.search.codec import from_time
from evonas.search.conditions import to_conditions
from evonas.search.confirmation import due_confirmations
from evonas.search.outcome import conclude
from evonas.search.pausing import find_waiting
from evonas.search.status import end_conditions
from evonas.search.totals import Totals
from evonas.search.trial import Trial, TrialState
from evonas.sources.source import Change, Choice, check_change, check_pin, check_vetoable, say_on_stderr
from evonas.spec import SearchSpec

POLL_SECONDS = 0.2


def read_run(folder: Path) -> RecordedSearch:
    """Return the record of a run as if it were under way: where it stands cannot be told of one whose manifest this
    version does not accept.
    """
    body, trials, knowledge = read_journal(folder / JOURNAL_FILE)
    return RecordedSearch(str(folder), body, tuple(trials), Phase.RUNNING, knowledge=knowledge)


class JournalSource:
    """The run in ``folder``; ``warn`` is called once with what is missing there."""

    def __init__(self, folder: Path, warn: Callable[[str], object] = say_on_stderr) -> None:
        self._folder = folder
        self._warn = warn
        self._told: set[str] = set()

    def read(self) -> RecordedSearch:
        """Return the current record; if its files are damaged, as far as they can be read."""
        running = is_locked(self._folder / JOURNAL_FILE)
        record = read_run(self._folder)
        if running:
            return record
        self._tell_damage({trial.index for trial in record.trials})
        paused = [trial for trial in record.trials if trial.state is TrialState.PAUSED]
        body, phase = at_rest(record.body, record.spec, record.totals, paused, record.last_end)
        return replace(record, body=body, phase=phase)

    def _tell_damage(self, recorded: Collection[int]) -> None:
        damage = find_damage(self._folder, recorded, torn_line(self._folder / JOURNAL_FILE))
        if is_locked(self._folder / JOURNAL_FILE):
            # A run has started meanwhile, and may be writing that line.
            return
        for found in damage:
            if found not in self._told:
                self._told.add(found)
                self._warn(found)

    def log(
        self, trial: Trial, attempt: int, write: Callable[[bytes], object], *, follow: bool, tail: int | None = None
    ) -> None:
        """Pass on the file that the attempt's output went to."""
        folder = attempt_folder(self._folder, trial.index, attempt)
        path = folder / LOG_FILE
        if not path.exists():
            raise EvonasError(f"{path} does not exist: attempt {attempt} of trial {trial.index} has not started here")
        with FileIO(path) as log:
            while True:
                # Checked before reading, so that everything written until the end is still read.
                running = follow and is_locked(folder / LOCK_FILE)
                if tail is None:
                    for chunk in read_on(log):
                        write(chunk)
                else:
                    write(_last_lines(b"".join(read_on(log)), tail))
                    tail = None
                if not running:
                    return
                time.sleep(POLL_SECONDS)

    def enqueue(self, choose: Choice, *, preview: bool = False) -> Sequence[Decisions]:
        """Append to the file that the run watches."""
        record = self.read()
        enqueued = Enqueued(self._folder, record.spec.space)
        chosen = choose(record, [*record.spec.warm_start.candidates, *enqueued.read()])
        if not preview:
            enqueued.append(chosen)
        return chosen

    def veto(self, index: int, because: str, *, preview: bool = False) -> None:
        """Append to the file that the run watches."""
        check_vetoable(self.read(), index)
        if not preview:
            Vetoed(self._folder).veto(index, because)

    def pin(self, index: int, *, stays: bool, preview: bool = False) -> None:
        """Append to the file that the run watches."""
        pinned = Pinned(self._folder)
        check_pin(self.read(), pinned.indexes(), index, stays=stays)
        if not preview:
            pinned.pin(index, stays=stays)

    def change(self, change: Change, *, preview: bool = False) -> None:
        """A run reads its manifest when it starts, and never again."""
        check_change(self.read().body, change)
        raise EvonasError(
            f"{self._folder} is a run of this machine, whose declaration does not change while it goes: end it with"
            f" Ctrl-C{_resumption(change)}"
        )


def _resumption(change: Change) -> str:
    """Say how the change is made instead."""
    options = {"--max-trials": change.max_trials, "--parallel-trials": change.parallel_trials}
    given = "".join(f" {name} {number}" for name, number in options.items() if number is not None)
    if given:
        return f", and run the same command again with{given}"
    return "; the same command resumes it" if change.suspend else ", if it still runs; the same command resumes it"


def at_rest(
    body: Mapping[str, Any], spec: SearchSpec, totals: Totals, paused: Sequence[Trial], last_end: datetime | None
) -> tuple[Mapping[str, Any], Phase]:
    """Return the object of a run that no process works on, and its phase, judged by its record and limits. One that has
    ended gets the conditions that an operator would give it. ``last_end`` is when the last of its trials did.
    """
    start = from_time(body["metadata"].get("creationTimestamp"))
    end = _find_end(spec, totals, paused, start)
    if end is None:
        return body, Phase.STOPPED
    ended = last_end or start
    assert ended is not None, "a run's object says when it was made"
    generation = body["metadata"].get("generation", 1)
    status = {**body.get("status", {}), "conditions": to_conditions(end_conditions(end), (), generation, ended)}
    return {**body, "status": status}, phase_of(status)


def _find_end(spec: SearchSpec, totals: Totals, paused: Sequence[Trial], start_time: datetime | None) -> Limit | None:
    """Return how the run has ended; None if it can go on."""
    limit = find_limit(Standing(spec, totals, start_time, datetime.now(UTC)))
    if limit is None or totals.unfinished:
        return None
    if find_waiting(spec, totals, paused, limit, 1, is_idle=True):
        return None
    if not limit.failed and due_confirmations(spec, totals, room=1):
        return None
    return conclude(limit, totals)


def _last_lines(text: bytes, count: int) -> bytes:
    lines = text.splitlines(keepends=True)
    return b"".join(lines[max(0, len(lines) - count) :])
