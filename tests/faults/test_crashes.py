"""SIGKILL at every write: the operator dies just before and just after each one reaches the server, and starts again.

Each kill point is a search of its own in a namespace of its own, with a real process that is really killed.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from evonas.cluster.resources import CONFIG_MAPS
from tests.cluster.client import Cluster
from tests.earlier import export_of, record_results
from tests.faults import faults
from tests.faults.chronicle import Chronicle
from tests.faults.field import Site, short_search, site
from tests.faults.invariants import assert_sound
from tests.faults.proxy import Fault

pytestmark = pytest.mark.kwok

AT_ONCE = 8
OUTCOMES = {"2-1": "fail", "4-1": "infeasible"}
ATTEMPTS = 7
"""Six trials, one of which is tried twice; the cost of the test grows with their square."""
MOMENTS = {"before": faults.before, "after": faults.after}


@dataclass
class Report:
    """What was tried."""

    killed: Counter[str] = field(default_factory=Counter)
    """By kind of write and moment: how many operators died there."""
    failures: list[str] = field(default_factory=list)
    exhausted: set[str] = field(default_factory=set)
    """Moments for which a run made fewer writes than the number that it was to die at."""

    def __str__(self) -> str:
        lines = [f"{number:4d}  {what}" for what, number in sorted(self.killed.items())]
        return "\n".join([f"{self.killed.total()} kill points", *lines])


@dataclass(frozen=True)
class Case:
    """A search to kill the operator of."""

    search: dict[str, Any]
    attempts: int
    indexes: range
    config_map: dict[str, Any] | None = None
    earlier: dict[str, Any] | None = None
    """A search that is over, with a result for each of its ``maxTrials``."""

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
        assert_sound(story, attempts=self.attempts, indexes=self.indexes)


@pytest.mark.parametrize("case", ["plain", "warm", "reuse"])
async def test_search_is_exact_after_a_kill_at_any_write(
    cluster: Cluster, chronicle: Chronicle, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    began = time.monotonic()
    tried = {"plain": _plain, "warm": _warm, "reuse": _reuse}[case]()
    undisturbed = await _writes_of_undisturbed(tried, cluster, chronicle, tmp_path)
    report = Report()
    points = _points(len(undisturbed), report)

    async def work() -> None:
        for moment, number in points:
            try:
                await _kill_at(tried, cluster, chronicle, tmp_path, moment, number, report)
            except AssertionError as error:
                report.failures.append(f"killed {moment} write {number}: {error}")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    with capsys.disabled():
        print(f"\n{report}\nin {time.monotonic() - began:.0f} s; undisturbed: {len(undisturbed)} writes")
    assert not report.failures, "\n\n".join(report.failures)
    for moment in MOMENTS:
        missed = {kind for kind in undisturbed if not report.killed[f"{kind}, {moment}"]}
        assert not missed, f"never killed {moment} {missed}"


async def _writes_of_undisturbed(case: Case, cluster: Cluster, chronicle: Chronicle, folder: Path) -> list[str]:
    """Run the search once and return the kinds of its writes."""
    async with site(cluster, chronicle, folder) as here:
        await case.apply(here)
        here.start()
        await here.complete()
        case.assert_sound(here)
        return [request.kind for request in here.proxy.writes]


def _points(expected: int, report: Report) -> Iterator[tuple[str, int]]:
    """Go on until for each moment a run was over before the number was reached; at least as many as expected."""
    for number in count(1):
        moments = [moment for moment in MOMENTS if number <= expected or moment not in report.exhausted]
        if not moments:
            return
        for moment in moments:
            yield moment, number


async def _kill_at(
    case: Case, cluster: Cluster, chronicle: Chronicle, folder: Path, moment: str, number: int, report: Report
) -> None:
    async with site(cluster, chronicle, folder) as here:
        operator = here.start

        async def kill_and_restart() -> None:
            here.operators[-1].kill()
            operator()

        make: Callable[[Callable[[], Awaitable[None]]], Fault] = MOMENTS[moment]
        rule = here.proxy.add(faults.on_write(number, make(kill_and_restart)))
        await case.apply(here)
        operator()
        await here.complete()
        case.assert_sound(here)
        if rule.hits:
            report.killed[f"{rule.hits[0].kind}, {moment}"] += 1
        else:
            report.exhausted.add(moment)


def _plain() -> Case:
    budget = {"maxTrials": 6, "parallelTrials": 3}
    body = short_search("crashing", OUTCOMES, budget=budget, trial={"retries": 1, "ttlSecondsAfterFinished": 3600})
    return Case(body, ATTEMPTS, range(6))


def _warm() -> Case:
    """Three results of a ConfigMap and a listed candidate before what the agent proposes."""
    body = short_search(
        "crashing",
        agent={"type": "Evolution", "warmup": 2},
        budget={"maxTrials": 4, "parallelTrials": 2},
        trial={"ttlSecondsAfterFinished": 3600},
        warmStart={
            "configMap": {"name": "earlier", "key": "export"},
            "candidates": [{"a1": 3, "a2": 3, "a3": 3}],
        },
    )
    return Case(body, 4, range(7), export_of(3))


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
