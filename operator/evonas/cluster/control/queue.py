"""A queue of keys: a key never runs twice at a time; requests meanwhile cause one more run; failures back off."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable

from evonas.cluster.client.api import ApiError
from evonas.cluster.client.backoff import pause
from evonas.cluster.control.together import causes_of
from evonas.metrics import QUEUE_DEPTH, RECONCILE_ERRORS

logger = logging.getLogger(__name__)


class KeyedQueue:
    """Runs ``work(key)`` for every key added, ``workers`` keys at once.

    ``work`` returns after how many seconds it wants to run again unasked, or None.
    """

    def __init__(self, work: Callable[[str], Awaitable[float | None]], workers: int) -> None:
        self._work = work
        self._workers = workers
        self._ready: asyncio.Queue[str] = asyncio.Queue()
        self._waiting: set[str] = set()
        self._running: dict[str, float] = {}
        """Keys being worked on, and since when, by the loop's clock."""
        self._again: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._failures: defaultdict[str, int] = defaultdict(int)
        self._paused: set[str] = set()
        """Keys whose last run failed: changes do not shorten their wait."""

    def add(self, key: str) -> None:
        """Request a run of ``key``."""
        if key in self._running or key in self._paused:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)
            QUEUE_DEPTH.set(len(self._waiting))

    def longest_run(self) -> tuple[str, float]:
        """Return the key that has been in progress longest, and for how many seconds; or none, 0."""
        if not self._running:
            return "", 0.0
        key = min(self._running, key=self._running.__getitem__)
        return key, asyncio.get_running_loop().time() - self._running[key]

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._serve())

    async def _serve(self) -> None:
        while True:
            key = await self._ready.get()
            self._waiting.discard(key)
            QUEUE_DEPTH.set(len(self._waiting))
            if (timer := self._timers.pop(key, None)) is not None:
                timer.cancel()
            self._again.discard(key)
            self._running[key] = asyncio.get_running_loop().time()
            try:
                delay = await self._attempt(key)
            finally:
                del self._running[key]
            if delay is not None:
                self._timers[key] = asyncio.get_running_loop().call_later(delay, self._wake, key)
            if key in self._again and key not in self._paused:
                self.add(key)

    async def _attempt(self, key: str) -> float | None:
        try:
            delay = await self._work(key)
        except Exception as error:
            self._failures[key] += 1
            self._paused.add(key)
            causes = causes_of(error)
            for reason in {_reason(cause) for cause in causes}:
                RECONCILE_ERRORS.labels(reason).inc()
            seconds = pause(self._failures[key], *causes)
            for cause in causes:
                trace = None if isinstance(cause, ApiError) else cause
                logger.warning("search %s: trying again in %.1f s: %s", key, seconds, cause, exc_info=trace)
            return seconds
        self._failures.pop(key, None)
        return delay

    def _wake(self, key: str) -> None:
        del self._timers[key]
        self._paused.discard(key)
        self.add(key)


def _reason(cause: Exception) -> str:
    return cause.reason if isinstance(cause, ApiError) else type(cause).__name__
