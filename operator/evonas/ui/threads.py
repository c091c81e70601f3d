"""Work that would hold up the event loop, in threads that end with the process.

Threads of asyncio's own pool are waited for at exit: whoever presses Ctrl-C would wait for an analysis of ten thousand
trials, or for a cluster that does not answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

T = TypeVar("T")

MOST_HEAVY = 2
"""Heavy pieces of work at a time: they share one interpreter with the answers to everybody else."""


async def in_thread(work: Callable[[], T]) -> T:
    """Return what ``work`` returns, or raise what it raises; whoever is cancelled meanwhile does not wait for it."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if outcome.cancelled():
            return
        if error is None:
            outcome.set_result(result)  # type: ignore[arg-type]  # what work returns, None included
        else:
            outcome.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as raised:  # noqa: BLE001 - whatever it is, the caller gets it
            error = raised
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            # The loop has been closed: nobody waits any more.
            return

    threading.Thread(target=run, name="evonas-ui", daemon=True).start()
    return await outcome


class Once(Generic[T]):
    """Makes one thing a key at a time: those who ask for it meanwhile wait for the same."""

    def __init__(self) -> None:
        self._making: dict[Hashable, asyncio.Task[T]] = {}

    async def make(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what ``make`` returns, now or for somebody who has asked before."""
        task = self._making.get(key)
        if task is None or task.done():
            task = asyncio.create_task(make())
            self._making[key] = task
            task.add_done_callback(lambda made: self._end(key, made))
        # One of those who wait may leave; the others still want it.
        return await asyncio.shield(task)

    def _end(self, key: Hashable, made: asyncio.Task[T]) -> None:
        if self._making.get(key) is made:
            del self._making[key]
        if not made.cancelled():
            # Looked at, in case that nobody waits any more.
            made.exception()


class Turns:
    """Who may do heavy work: one at a time for each key, and few altogether."""

    def __init__(self, most: int = MOST_HEAVY) -> None:
        self._all = asyncio.Semaphore(most)
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._users: Counter[Hashable] = Counter()

    @asynccontextmanager
    async def of(self, key: Hashable) -> AsyncIterator[None]:
        """Wait for a turn and hold it."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._users[key] += 1
        try:
            async with lock, self._all:
                yield
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._locks[key]
