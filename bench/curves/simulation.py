"""The event loop: some workers train what a searcher proposes, and are free again when a trial ends, is stopped or
pauses.

Time is simulated; what takes time is each start of a trial and the steps of its training. Every worker is busy from the
start, so GPU time is the number of workers times the time that has passed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bench.agents.contestants import Suggestion
from bench.curves.problem import Curve, Decisions
from evonas.agents import SpaceExhausted


class Searcher(Protocol):
    """Proposes candidates, is told how they do, and says which of them go on."""

    def propose(self) -> Suggestion:
        """Return a candidate; SpaceExhausted if there is none left."""

    def reach(self, index: int, step: int, value: float) -> bool:
        """Learn the value at a rung before the last, and return whether the trial may go on."""

    def stop(self, index: int) -> None:
        """Learn that a trial that was not to go on is no longer running."""

    def observe(self, index: int, reward: float | None) -> None:
        """Learn the value at the end of a training; None if it diverged."""


@runtime_checkable
class Promotes(Protocol):
    """A searcher whose trials may go on after they were stopped."""

    def promote(self) -> int | None:
        """Return a stopped trial that goes on now; None if a new candidate is to be proposed."""


@runtime_checkable
class Foresees(Protocol):
    """A searcher that is shown what no search can know."""

    def foresee(self, index: int, curve: Curve) -> None:
        """Learn how a training that begins will go."""


@dataclass(frozen=True)
class Ended:
    """A trial's end, or one of its pauses."""

    time: float
    """Seconds since the start of the search."""
    decisions: Decisions
    steps: int
    stopped: bool
    reward: float | None
    """None if it was stopped or diverged."""


@dataclass(frozen=True, order=True)
class _Event:
    time: float
    number: int
    """Decides between events of the same time: those that were planned first."""
    step: int


def simulate(
    searcher: Searcher,
    train: Callable[[Decisions, int], Curve],
    *,
    rungs: tuple[int, ...],
    workers: int,
    start_up: float,
    until: float,
) -> Iterator[Ended]:
    """Yield the trials as they end, until a time; ``train`` returns the curve of a candidate with an index."""
    events: list[_Event] = []
    running: dict[int, tuple[Suggestion, Curve]] = {}
    halted: dict[int, tuple[Suggestion, Curve, int]] = {}
    planned = 0

    def plan(suggestion: Suggestion, curve: Curve, time: float, step: int) -> None:
        nonlocal planned
        ahead = min([curve.steps, *(rung for rung in rungs if rung > step)])
        heapq.heappush(events, _Event(time + (ahead - step) * curve.seconds, planned, ahead))
        running[planned] = suggestion, curve
        planned += 1

    def start(time: float) -> None:
        promoted = searcher.promote() if isinstance(searcher, Promotes) else None
        if promoted is not None:
            suggestion, curve, step = halted.pop(promoted)
            plan(suggestion, curve, time + start_up, step)
            return
        try:
            suggestion = searcher.propose()
        except SpaceExhausted:
            return
        curve = train(suggestion.decisions, suggestion.index)
        if isinstance(searcher, Foresees):
            searcher.foresee(suggestion.index, curve)
        plan(suggestion, curve, time + start_up, 0)

    for _ in range(workers):
        start(0.0)
    while events and events[0].time <= until:
        event = heapq.heappop(events)
        suggestion, curve = running.pop(event.number)
        value = curve.value(event.step)
        at_end = event.step == curve.steps
        goes_on = True
        if value is not None and event.step in rungs[:-1]:
            goes_on = searcher.reach(suggestion.index, event.step, value)
        if at_end:
            searcher.observe(suggestion.index, value)
        elif goes_on:
            plan(suggestion, curve, event.time, event.step)
            continue
        else:
            searcher.stop(suggestion.index)
            halted[suggestion.index] = suggestion, curve, event.step
        yield Ended(event.time, suggestion.decisions, event.step, not at_end, value if at_end else None)
        start(event.time)
