"""The rules of the Lease: when to take it, when to wait, when to stop; and that two never act at once."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.cluster.leader.lease import LeaseRecord, Move, Sighting, Term, Timing, decide, look, read_lease
from tests.tier import examples

TIMING = Timing()
THEIRS = LeaseRecord("other", "noon", 15, 0, "7")
MINE = LeaseRecord("me", "noon", 15, 0, "8")


def test_a_record_keeps_its_age_until_it_changes() -> None:
    seen = look(None, THEIRS, 100)
    assert seen == Sighting(THEIRS, 100)
    assert look(seen, THEIRS, 110) == seen
    renewed = replace(THEIRS, version="9")
    assert look(seen, renewed, 110) == Sighting(renewed, 110)


def test_a_deleted_lease_keeps_its_age_too() -> None:
    seen = look(None, THEIRS, 100)
    assert look(seen, None, 110) == seen
    assert look(None, None, 110) is None


@pytest.mark.parametrize(
    ("seen", "now", "move"),
    [
        (None, 0, Move.ACQUIRE),
        (Sighting(replace(THEIRS, holder=""), 100), 100, Move.ACQUIRE),
        (Sighting(THEIRS, 100), 114.9, Move.WAIT),
        (Sighting(THEIRS, 100), 115, Move.ACQUIRE),
        (Sighting(replace(THEIRS, duration=60), 100), 115, Move.WAIT),
        (Sighting(MINE, 100), 100, Move.ACQUIRE),
    ],
    ids=["none", "released", "fresh", "run-out", "its-own-duration", "my-former-life's"],
)
def test_who_holds_nothing(seen: Sighting | None, now: float, move: Move) -> None:
    assert decide("me", seen, None, now, TIMING) is move


@pytest.mark.parametrize(
    ("seen", "now", "move"),
    [
        (Sighting(MINE, 100), 109.9, Move.RENEW),
        (Sighting(MINE, 100), 110, Move.LOST),
        (Sighting(replace(MINE, version="9"), 101), 102, Move.RENEW),
        (Sighting(THEIRS, 101), 102, Move.LOST),
        (Sighting(replace(MINE, holder=""), 101), 102, Move.LOST),
        (Sighting(replace(MINE, acquired="later"), 101), 102, Move.LOST),
    ],
    ids=["in-time", "too-late", "touched-by-a-person", "taken", "released-by-a-person", "taken-by-my-next-life"],
)
def test_who_holds_it(seen: Sighting, now: float, move: Move) -> None:
    assert decide("me", seen, Term(MINE, 100), now, TIMING) is move


def test_a_lease_of_which_little_is_said_counts_as_released() -> None:
    assert read_lease({"metadata": {"resourceVersion": "3"}}) == LeaseRecord("", "", 15, 0, "3")


@pytest.mark.parametrize(
    ("timing", "named"),
    [
        (Timing(), None),
        (Timing(3, 2, 0.5), None),
        (Timing(10, 10, 2), "--renew-deadline (10s) must be shorter than --lease-duration (10s)"),
        (Timing(15, 10, 8.4), "--retry-period (8.4s) must be shorter than --renew-deadline (10s) divided by 1.2"),
        (Timing(15, 10, 0), "--retry-period (0s) must be longer"),
        (Timing(15, -1, 2), "--retry-period (2s) must be shorter than --renew-deadline (-1s)"),
        # A Lease has no field for half a second: others would take it while its holder still acts.
        (Timing(2.5, 2.2, 1), "--lease-duration (2.5s) must be whole seconds"),
        (Timing(0, -1, -2), "--lease-duration (0s) must be whole seconds"),
    ],
)
def test_times_by_which_two_could_act_are_refused_by_name(timing: Timing, named: str | None) -> None:
    problem = timing.problem()
    assert problem is None if named is None else (problem or "").startswith(named)


@dataclass
class _Candidate:
    name: str
    offset: float
    """Of its clock, which nobody else knows."""
    seen: Sighting | None = None
    term: Term | None = None
    gone: bool = False


PAUSES = (0.1, 2.0, 2.0, 5.0, 9.0, 14.9, 15.1, 30.0)
"""How long a process may not look or run."""
DELAYS = (0.0, 0.0, 0.3, 4.0, 11.0, 16.0, -1.0)
"""How long a message may be on its way; a negative one is lost."""


@settings(max_examples=examples(200))
@given(st.randoms(use_true_random=True), st.integers(2, 4))
def test_two_never_act_at_once(random: Random, count: int) -> None:
    """Whatever the clocks show, however long messages take or get lost, and whenever a process is stopped."""
    candidates = [_Candidate(str(index), random.uniform(-1e6, 1e6)) for index in range(count)]
    waits = [
        (random.choice(PAUSES), random.choice(PAUSES), random.choice(DELAYS), random.choice(DELAYS)) for _ in range(300)
    ]
    # An answer may come when the time that it grants is over.
    terms = sorted(term for term in _simulate(candidates, waits) if term[0] < term[1])
    for (_, end, name), (begin, _, other) in itertools.pairwise(terms):
        assert name == other or end <= begin


def _simulate(
    candidates: list[_Candidate], waits: list[tuple[float, float, float, float]]
) -> Iterator[tuple[float, float, str]]:
    """Yield from when until when each candidate may act, by the time of an observer who sees everything."""
    server: LeaseRecord | None = None
    versions = itertools.count(1)
    order = itertools.count()
    agenda = [(0.0, next(order), candidate) for candidate in candidates]
    writes: list[tuple[float, int, _Candidate, LeaseRecord | None, LeaseRecord, float, float]] = []
    for pause, rest, out, back in waits:
        while writes and (not agenda or writes[0][0] <= agenda[0][0]):
            arrival, _, candidate, expected, wanted, sent, answer = heapq.heappop(writes)
            if server == expected:
                server = replace(wanted, version=str(next(versions)))
                if answer >= 0:
                    # The answer is taken in at once, whenever it comes: nothing else of this candidate is under way.
                    candidate.term = Term(server, sent + candidate.offset)
                    candidate.seen = Sighting(server, arrival + answer + candidate.offset)
                    yield arrival + answer, sent + TIMING.renew_deadline, candidate.name
            heapq.heappush(agenda, (arrival + max(answer, rest), next(order), candidate))
        if not agenda:
            return
        now, _, candidate = heapq.heappop(agenda)
        if candidate.gone:
            continue
        clock = now + candidate.offset
        # Leaders renew what they know; others read first.
        base = candidate.term.record if candidate.term is not None else server
        if candidate.term is None or base != server:
            candidate.seen = look(candidate.seen, server, clock)
            base = server
        move = decide(candidate.name, candidate.seen, candidate.term, clock, TIMING)
        if move is Move.LOST:
            candidate.gone = True
        elif move is Move.WAIT or out < 0:
            heapq.heappush(agenda, (now + pause, next(order), candidate))
        else:
            acquired = candidate.term.record.acquired if candidate.term is not None else str(now)
            wanted = LeaseRecord(candidate.name, acquired, TIMING.duration, 0, "")
            heapq.heappush(writes, (now + out, next(order), candidate, base, wanted, now, back))
