"""Concurrent work that is always awaited to its end, with every error reported.

A write must not continue behind the next pass's back, so one failure does not cancel the others, as
``asyncio.TaskGroup`` would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")


class Together:
    """Starts work; leaving the context awaits all of it.

    A single error, from the work or the context's own body, is raised as it is; several as an ExceptionGroup.
    """

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start one piece of work."""
        task = asyncio.create_task(work)
        self._tasks.append(task)
        return task

    async def __aenter__(self) -> Together:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        failures = [end for end in ends if isinstance(end, BaseException)]
        if not failures:
            return
        if error is not None:
            failures.insert(0, error)
        raise failures[0] if len(failures) == 1 else BaseExceptionGroup("more than one thing failed", failures)


async def finish_all(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run everything concurrently and return the result of each."""
    async with Together() as together:
        tasks = [together.start(one) for one in work]
    return [task.result() for task in tasks]


def causes_of(error: Exception) -> list[Exception]:
    """Return the errors in a group, however deeply nested; a single error is its own cause."""
    if isinstance(error, ExceptionGroup):
        return [cause for part in error.exceptions for cause in causes_of(part)]
    return [error]
