"""SIGKILL at every write: the operator dies just before and just after each one reaches the server, and starts again.

Each kill point is a search of its own in a namespace of its own, with a real process that is really killed. There are
some two hundred, of which each run takes a share, another with each commit. What kind of write and moment has none in
it has its kill in each run all the same, a few in one search.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from evonas.cluster.client.resources import CONFIG_MAPS
from harness.client import Cluster
from tests import share
from tests.earlier import export_of, record_results
from tests.faults import faults
from tests.faults.chronicle import JOBSETS, Chronicle
from tests.faults.field import Site, short_search, site, with_jobsets, with_two_objectives
from tests.faults.invariants import assert_sound, attempts_on_record
from tests.faults.proxy import Fault

pytestmark = [pytest.mark.kwok, pytest.mark.jobset]

AT_ONCE = 8
SHARES = 11
KINDS_IN_ONE_SEARCH = 3
OUTCOMES = {"2-1": "fail", "4-1": "infeasible"}
ATTEMPTS = 7
"""Six trials, one of which is tried twice; the cost of all kill points grows with their square."""


@dataclass(frozen=True)
class Point:
    """When to die."""

    kind: str
    """Of write."""
    moment: str
    number: int
    """At which write of that kind, from 0."""

    def __str__(self) -> str:
        return f"{self.moment} {self.kind} {self.number}"


@dataclass
class Report:
    """What was tried."""

    killed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By kind of write and moment: how many operators died there."""
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{number:4d}  {kind}, {moment}" for (kind, moment), number in sorted(self.killed.items())]
        return "\n".join([f"{self.killed.total()} kills", *lines])


@dataclass(frozen=True)
class Case:
    """A search to kill the operator of."""

    search: dict[str, Any]
    attempts: int | None
    """How many there are; None where it depends on what comes first, and is as the record says."""
    indexes: range
    config_map: dict[str, Any] | None = None
    earlier: dict[str, Any] | None = None
    """A search that is over, with a result for each of its ``maxTrials``."""
    by_chance: frozenset[str] = frozenset()
    """Kinds of writes that a search may do without, depending on what comes first: each that comes has its kills."""

    async def apply(self, here: Site) -> None:
        """Create what it is about."""
        if self.config_map is not None:
            await here.chronicle.create(CONFIG_MAPS, here.namespace, self.config_map)
        if self.earlier is not None:
            await record_results(here.chronicle, here.namespace, self.earlier)
        await here.apply(self.search)

    def assert_sound(self, here: Site) -> None:
        """Assert that nothing was lost, nothing was done twice."""
        story = here.story.of(self.search["metadata"]["name"])
        attempts = attempts_on_record(story) if self.attempts is None else self.attempts
        assert_sound(story, attempts=attempts, indexes=self.indexes)


@pytest.mark.parametrize("turn", share.present().turns(SHARES))
@pytest.mark.parametrize("case", ["plain", "front", "warm", "reuse", "rungs", "pauses", "logs", "jobsets"])
async def test_search_is_exact_after_a_kill_at_any_write(
    cluster: Cluster, chronicle: Chronicle, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str, turn: int
) -> None:
    began = time.monotonic()
    tried = CASES[case]()
    undisturbed = await _writes_of_undisturbed(tried, cluster, chronicle, tmp_path)
    due = _points(undisturbed)[turn::SHARES]
    report = Report()
    searches = iter([*([point] for point in due), *_together(_missing(undisturbed, due))])

    async def work() -> None:
        for points in searches:
            try:
                await _kill_at(tried, cluster, chronicle, tmp_path, points, report)
            except AssertionError as error:
                report.failures.append(f"killed {', '.join(map(str, points))}: {error}")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    with capsys.disabled():
        print(f"\n{report}\nin {time.monotonic() - began:.0f} s; undisturbed: {undisturbed.total()} writes")
    assert not report.failures, "\n\n".join(report.failures)
    assert set(report.killed) >= set(product(undisturbed.keys() - tried.by_chance, faults.MOMENTS))


async def _writes_of_undisturbed(case: Case, cluster: Cluster, chronicle: Chronicle, folder: Path) -> Counter[str]:
    """Run the search once and return how many writes of each kind it made."""
    async with site(cluster, chronicle, folder) as here:
        await case.apply(here)
        here.start()
        await here.complete()
        case.assert_sound(here)
        return Counter(request.kind for request in here.proxy.writes)


def _points(writes: Counter[str]) -> list[Point]:
    """Return all points, those of one kind of write beside each other: a share has something of each."""
    return [
        Point(kind, moment, number)
        for kind in sorted(writes)
        for number in range(writes[kind])
        for moment in faults.MOMENTS
    ]


def _missing(writes: Counter[str], due: list[Point]) -> list[Point]:
    """Return a point for each kind of write and moment that has none among those that are due.

    The first of its kind: a disturbed run may make fewer of some.
    """
    certain = {(point.kind, point.moment) for point in due if point.number == 0}
    return [
        Point(kind, moment, 0)
        for kind, moment in product(sorted(writes), faults.MOMENTS)
        if (kind, moment) not in certain
    ]


def _together(points: list[Point]) -> Iterator[list[Point]]:
    """Yield groups of points that one search can have: the operator dies several times in it."""
    kinds = sorted({point.kind for point in points})
    for start in range(0, len(kinds), KINDS_IN_ONE_SEARCH):
        chosen = kinds[start : start + KINDS_IN_ONE_SEARCH]
        yield [point for point in points if point.kind in chosen]


async def _kill_at(
    case: Case, cluster: Cluster, chronicle: Chronicle, folder: Path, points: list[Point], report: Report
) -> None:
    async with site(cluster, chronicle, folder) as here:
        rules = {}
        for point in points:
            make: Callable[[Callable[[], Awaitable[None]]], Fault] = faults.MOMENTS[point.moment]
            rule = faults.on_kind(point.kind, make(here.kill_and_restart), after=point.number)
            rules[point] = here.proxy.add(rule)
        await case.apply(here)
        here.start()
        await here.complete()
        # The last of all, an event, may come when the search is complete already.
        await here.give_time(lambda: all(rule.hits for point, rule in rules.items() if point.number == 0))
        case.assert_sound(here)
        report.killed.update((point.kind, point.moment) for point, rule in rules.items() if rule.hits)


def _plain() -> Case:
    budget = {"maxTrials": 6, "parallelTrials": 3}
    body = short_search("crashing", OUTCOMES, budget=budget, trial={"retries": 1, "ttlSecondsAfterFinished": 3600})
    return Case(body, ATTEMPTS, range(6))


def _warm() -> Case:
    """Five results of a ConfigMap and a listed candidate before what the agent proposes, and before them what it learns
    from the same results beforehand.
    """
    body = short_search(
        "crashing",
        agent={"type": "EvoNAS", "warmup": 2},
        budget={"maxTrials": 4, "parallelTrials": 2},
        trial={"ttlSecondsAfterFinished": 3600},
        knowledge={"configMaps": [{"name": "earlier", "key": "export"}]},
        warmStart={
            "configMap": {"name": "earlier", "key": "export"},
            "candidates": [{"a1": 3, "a2": 3, "a3": 3}],
        },
    )
    return Case(body, 4, range(9), export_of(5))


def _rungs() -> Case:
    """Five listed candidates and another one. The last two of those are the worst, and wait to be stopped: others may
    end by themselves while no operator runs.
    """
    body = short_search(
        "crashing",
        {"0-1": "fail", "3-1": "hang", "4-1": "hang"},
        budget={"maxTrials": 6, "parallelTrials": 3},
        trial={"retries": 1, "ttlSecondsAfterFinished": 3600},
        warmStart={
            "candidates": [{"a1": a1, "a2": a1, "a3": a3} for a1, a3 in ((5, 5), (4, 5), (3, 5), (1, 2), (1, 1))]
        },
        fidelity={"rungs": {"min": 1, "max": 4, "factor": 2}},
    )
    return Case(body, ATTEMPTS, range(6))


def _front() -> Case:
    """Four trials of two objectives, one of which is tried twice."""
    body = short_search(
        "crashing",
        {"1-1": "fail"},
        budget={"maxTrials": 4, "parallelTrials": 2},
        trial={"retries": 1, "ttlSecondsAfterFinished": 3600},
    )
    return Case(with_two_objectives(body), 5, range(4))


def _pauses() -> Case:
    """Of five trials of two objectives that pause, some go on, one of them after another attempt has failed."""
    body = short_search(
        "crashing",
        {"1-1": "fail", "0-2": "fail"},
        budget={"maxTrials": 5, "parallelTrials": 2},
        trial={"retries": 1, "ttlSecondsAfterFinished": 3600},
        # The first dominates the second and the last.
        warmStart={"candidates": [{"a1": a1, "a2": a2, "a3": a2} for a1, a2 in ((2, 5), (3, 4), (1, 1), (4, 2))]},
        fidelity={"rungs": {"min": 1, "max": 4, "factor": 2}, "mode": "Pause"},
    )
    body["spec"]["trial"]["template"]["metadata"]["annotations"]["evonas-test/duration"] = "100ms"
    return Case(with_two_objectives(body), None, range(5))


def _reuse() -> Case:
    """Two of four candidates have a result in another search."""
    body = short_search(
        "crashing",
        searchSpace=[{"name": "a1", "values": [1, 2, 3, 4]}],
        budget={"maxTrials": 4, "parallelTrials": 2},
        trial={"ttlSecondsAfterFinished": 3600},
        reuseResults="Namespace",
    )
    earlier = copy.deepcopy(body)
    earlier["metadata"]["name"] = "earlier"
    earlier["spec"]["budget"]["maxTrials"] = 2
    return Case(body, 2, range(4), earlier=earlier)


def _logs() -> Case:
    """The results of six trials are in what their containers print."""
    body = short_search(
        "crashing",
        OUTCOMES,
        objective={"metric": "accuracy"},
        budget={"maxTrials": 6, "parallelTrials": 3},
        trial={"retries": 1, "ttlSecondsAfterFinished": 3600, "report": {"from": "Logs"}},
    )
    return Case(body, ATTEMPTS, range(6))


def _jobsets() -> Case:
    """Four trials of two pods each, one of which is tried twice, since a pod of it has failed."""
    body = short_search(
        "crashing",
        {"1-1": "fail", "3-1": "infeasible"},
        budget={"maxTrials": 4, "parallelTrials": 2},
        trial={"retries": 1, "ttlSecondsAfterFinished": 3600},
    )
    # That of the infeasible candidate fails by itself, unless it is deleted before.
    return Case(with_jobsets(body), 5, range(4), by_chance=frozenset({f"delete {JOBSETS.plural}"}))


CASES = {
    "plain": _plain,
    "front": _front,
    "warm": _warm,
    "reuse": _reuse,
    "rungs": _rungs,
    "pauses": _pauses,
    "logs": _logs,
    "jobsets": _jobsets,
}
