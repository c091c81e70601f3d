"""The keyed queue in virtual time: one run per key at once, asked twice runs once more, failures wait."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import REGISTRY

from evonas.cluster.client.api import Unavailable
from evonas.cluster.control.queue import KeyedQueue

pytestmark = pytest.mark.looptime(start=0)
Work = Callable[[str], Awaitable[float | None]]


@asynccontextmanager
async def running(work: Work, workers: int = 4) -> Any:
    queue = KeyedQueue(work, workers)
    task = asyncio.create_task(queue.run())
    yield queue
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_key_asked_for_while_it_runs_runs_once_more_and_never_twice_at_once() -> None:
    spans: list[tuple[float, float]] = []

    async def work(key: str) -> None:
        started = now()
        await asyncio.sleep(10)
        spans.append((started, now()))

    async with running(work) as queue:
        queue.add("a")
        await asyncio.sleep(1)
        for _ in range(5):
            queue.add("a")
        await asyncio.sleep(100)
    assert len(spans) == 2
    assert spans[1][0] >= spans[0][1]


async def test_other_keys_go_on_beside_a_slow_one() -> None:
    done: list[str] = []

    async def work(key: str) -> None:
        await asyncio.sleep(100 if key == "slow" else 1)
        done.append(key)

    async with running(work, workers=2) as queue:
        for key in ("slow", "a", "b", "c"):
            queue.add(key)
        await asyncio.sleep(10)
        assert done == ["a", "b", "c"]


async def test_failing_key_backs_off_and_changes_do_not_shorten_its_wait() -> None:
    starts: list[float] = []

    async def work(key: str) -> None:
        starts.append(now())
        raise RuntimeError("no")

    async with running(work) as queue:
        queue.add("a")
        for _ in range(200):
            await asyncio.sleep(0.1)
            queue.add("a")
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert 3 <= len(gaps) <= 6
    for doublings, gap in enumerate(gaps):
        assert 0.25 * 2**doublings - 0.01 <= gap <= 0.5 * 2**doublings + 0.2


async def test_server_that_asks_to_wait_is_heeded() -> None:
    starts: list[float] = []

    async def work(key: str) -> None:
        starts.append(now())
        if len(starts) == 1:
            raise Unavailable(429, "TooManyRequests", "later", retry_after=30.0)

    async with running(work) as queue:
        queue.add("a")
        await asyncio.sleep(60)
    assert len(starts) == 2
    assert starts[1] - starts[0] >= 30


async def test_wish_to_run_again_is_granted_and_overtaken_by_a_change() -> None:
    starts: list[float] = []

    async def work(key: str) -> float | None:
        starts.append(now())
        return 20.0 if len(starts) < 3 else None

    async with running(work) as queue:
        queue.add("a")
        await asyncio.sleep(25)
        queue.add("a")
        await asyncio.sleep(100)
    assert [round(start) for start in starts] == [0, 20, 25]


async def test_longest_run_names_the_key_that_does_not_come_to_its_end() -> None:
    async def work(key: str) -> None:
        await asyncio.sleep(1000 if key == "stuck" else 1)

    async with running(work) as queue:
        assert queue.longest_run() == ("", 0)
        queue.add("stuck")
        await asyncio.sleep(10)
        queue.add("other")
        await asyncio.sleep(0.5)
        assert queue.longest_run() == ("stuck", 10.5)


async def test_of_several_errors_each_is_logged_and_counted_and_the_longest_wish_to_wait_heeded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    starts: list[float] = []

    async def work(key: str) -> None:
        starts.append(now())
        if len(starts) == 1:
            busy = Unavailable(429, "TooManyRequests", "later", retry_after=30.0)
            away = Unavailable(503, "ServiceUnavailable", "away", retry_after=5.0)
            raise ExceptionGroup("both", [away, ExceptionGroup("", [KeyError("a bug"), busy])])

    before = {reason: _errors(reason) for reason in ("TooManyRequests", "ServiceUnavailable", "KeyError")}
    async with running(work) as queue:
        queue.add("a")
        await asyncio.sleep(60)
    assert len(starts) == 2
    assert starts[1] - starts[0] >= 30
    assert {reason: _errors(reason) - count for reason, count in before.items()} == dict.fromkeys(before, 1)
    traced = {record.getMessage().rpartition(": ")[2]: record.exc_info is not None for record in caplog.records}
    assert traced == {"away": False, "'a bug'": True, "later": False}


def _errors(reason: str) -> float:
    return REGISTRY.get_sample_value("evonas_reconcile_errors_total", {"reason": reason}) or 0
