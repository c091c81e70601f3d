"""What the server and the page are measured on: records of large searches, and one that changes all the time."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

from evonas.local.journal import JOURNAL_FILE, open_journal, read_journal
from evonas.recorded.search import manifest_of
from evonas.search.trial import TrialState
from evonas.spec import SearchSpec
from tests.page.searches import large_trials, write_large

SEARCHES, TRIALS = 300, 100


def write_many(folder: Path, searches: int = SEARCHES, trials: int = TRIALS) -> None:
    """Write many searches of some trials each."""
    for number in range(searches):
        write_large(folder, f"search-{number:03d}", trials, seed=number)


@contextmanager
def changing(folder: Path, per_second: float, known: int) -> Iterator[None]:
    """Keep a search of so many trials going: with each change one trial begins or ends, as a run would record it."""
    run = write_large(folder, "changing", known, most=99_000)
    journal = open_journal(run, read_journal(run / JOURNAL_FILE)[0])
    over = threading.Event()

    def go_on() -> None:
        space = SearchSpec.parse(manifest_of(journal.search)).space
        trials = islice(large_trials(known + 20_000, random.Random(7), space), known, None)
        due = time.monotonic()
        for trial in trials:
            running = replace(
                trial, state=TrialState.RUNNING, reward=None, metrics={}, sequence=None, completion_time=None, reason=""
            )
            for state in (replace(running, message=""), trial):
                due += 1 / per_second
                if over.wait(max(0.0, due - time.monotonic())):
                    return
                journal.write(state)

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        journal.close()
