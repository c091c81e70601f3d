"""Every kind of write under every fault, and every watch under every break, one at a time; with JobSets, what they add.

Each run takes a row of each table, the next one with each commit: it has each write and watch, and each fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from evonas.cluster.client.resources import JOBS, PODS, SEARCHES, TRIALS
from tests import share
from tests.faults import faults, streams
from tests.faults.chronicle import JOBSETS
from tests.faults.field import (
    TRIALS_OF_SEARCH,
    Field,
    Site,
    Try,
    faulty_search,
    learning_search,
    with_jobsets,
)
from tests.faults.invariants import assert_sound
from tests.faults.proxy import Fault, Rule, StreamFault

pytestmark = [pytest.mark.kwok, pytest.mark.jobset]

WRITES = (
    "create serviceaccounts",
    "create rolebindings",
    "create jobs (dry run)",
    "create jobsets (dry run)",
    "create configmaps",
    "create architecturetrials",
    "create jobs",
    "create jobsets",
    "patch architecturetrials/status",
    "patch jobs",
    "patch jobsets",
    "patch architecturesearches/status",
    "create events",
)
ONCE = (*WRITES[:5], *WRITES[-2:])
"""Writes that may come only once, so that the fault must meet the first; elsewhere it meets the second and third."""
WATCHED = tuple(kind.plural for kind in (PODS, JOBS, JOBSETS, TRIALS, SEARCHES))

# 410 and 500 are the operator's `Unavailable`, as 503 is: `unit/cluster/client/test_answers.py`.
WRITE_FAULTS: dict[str, Fault] = {
    "cut before": faults.cut_before,
    "cut after": faults.cut_after,
    "delay": faults.delay(1.5),
    "late answer": faults.delay_answer(1.5),
    "409": faults.answer(409),
    "429": faults.answer(429, retry_after=2),
    "503": faults.answer(503),
}
WATCH_BREAKS: dict[str, tuple[StreamFault, int | None]] = {
    "repeated": (streams.repeat(streams.is_change), None),
    "410": (streams.expire(4), 3),
    "ended": (streams.end(4), 3),
    "cut": (streams.cut(4), 3),
}
WATCH_SILENCES: dict[str, tuple[StreamFault, int | None]] = {
    "dropped": (streams.drop(streams.is_change), None),
    "silent": (streams.hush(3), None),
}


@dataclass(frozen=True)
class Pair:
    """A write or a watch, and what is done to it."""

    what: str
    fault: str

    def __str__(self) -> str:
        return f"{self.what}: {self.fault}"

    def search(self) -> dict[str, Any]:
        """Return a search that has it."""
        if self.what == "create configmaps":
            return learning_search()
        return with_jobsets(faulty_search()) if JOBSETS.plural in self.what else faulty_search()

    def rule(self) -> Rule:
        """Return what does it."""
        if self.what in WRITES:
            return faults.on_kind(self.what, WRITE_FAULTS[self.fault], after=int(self.what not in ONCE), times=2)
        fault, times = (WATCH_BREAKS | WATCH_SILENCES)[self.fault]
        return streams.on_watch(self.what, fault, times=times)


def rows(what: Sequence[str], fault_names: Sequence[str]) -> Iterator[list[Pair]]:
    """Yield rows in each of which everything has one fault, and which have every pair once between them."""
    for row in range(len(fault_names)):
        yield [Pair(one, fault_names[(place + row) % len(fault_names)]) for place, one in enumerate(what)]


WRITE_ROWS = list(rows(WRITES, list(WRITE_FAULTS)))
BREAK_ROWS = list(rows(WATCHED, list(WATCH_BREAKS)))
SILENCE_ROWS = list(rows(WATCHED, list(WATCH_SILENCES)))


def meeting(pair: Pair, *, resync_seconds: float = 600) -> tuple[str, Try]:
    """Return a try of a search that meets it."""

    async def attempt(here: Site) -> None:
        rule = here.proxy.add(pair.rule())
        await here.apply(pair.search())
        here.start(resync_seconds=resync_seconds)
        await here.complete()
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH)
        assert rule.hits, "the fault never came"

    return str(pair), attempt


@pytest.mark.parametrize("row", share.present().turns(len(WRITE_ROWS)))
async def test_write_that_fails_twice_is_made_good(field: Field, row: int) -> None:
    await field.each(map(meeting, WRITE_ROWS[row]))


@pytest.mark.parametrize("row", share.present().turns(len(BREAK_ROWS)))
async def test_watch_that_breaks_or_repeats_is_taken_up_again(field: Field, row: int) -> None:
    await field.each(map(meeting, BREAK_ROWS[row]))


@pytest.mark.parametrize("row", share.present().turns(len(SILENCE_ROWS)))
async def test_resync_heals_what_a_watch_does_not_tell(field: Field, row: int) -> None:
    await field.each(meeting(pair, resync_seconds=3) for pair in SILENCE_ROWS[row])


@pytest.mark.parametrize(
    ("what", "fault_names"),
    [(WRITES, list(WRITE_FAULTS)), (WATCHED, list(WATCH_BREAKS)), (WATCHED, list(WATCH_SILENCES))],
)
def test_rows_have_every_pair_once_and_each_has_everything(what: Sequence[str], fault_names: Sequence[str]) -> None:
    table = list(rows(what, fault_names))
    pairs = [pair for row in table for pair in row]
    assert set(pairs) == {Pair(one, fault) for one in what for fault in fault_names}
    assert len(pairs) == len(set(pairs))
    for row in table:
        assert {pair.what for pair in row} == set(what)
        assert {pair.fault for pair in row} == set(fault_names)
