"""Work that goes on side by side: it is waited for to its end, and every error of it is heard of.

A write must not go on behind the next pass's back, so nothing is cancelled because something else has failed; that is
what ``asyncio.TaskGroup`` would do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")


class Together:
    """Starts work; leaving the context waits for all of it.

    One error, of the work or of the context's own body, is raised as it is; several as an ExceptionGroup.
    """

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin one piece of work."""
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
    """Do all of it side by side, and return what came of each."""
    async with Together() as together:
        tasks = [together.start(one) for one in work]
    return [task.result() for task in tasks]


def causes_of(error: Exception) -> list[Exception]:
    """Return the errors that a group is made of, however deep; an error alone is its own cause."""
    if isinstance(error, ExceptionGroup):
        return [cause for part in error.exceptions for cause in causes_of(part)]
    return [error]
