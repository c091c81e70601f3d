"""Runs a coroutine to its end for callers that are not asynchronous, in a notebook, too.

There an event loop is already running in the thread that calls, and asyncio refuses to run another one in it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


def run_to_end(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what the coroutine returns; an interrupt ends it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    return _in_a_thread(coroutine)


def _in_a_thread(coroutine: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.new_event_loop()
    outcome: Future[T] = Future()

    def work() -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                result = runner.run(coroutine)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the caller gets it
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    thread = threading.Thread(target=work, name="evonas", daemon=True)
    try:
        thread.start()
        return outcome.result()
    except KeyboardInterrupt:
        # The loop may not have begun, and then ends at once; or it has ended by itself meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_cancel_all, loop)
        raise
    finally:
        if thread.ident is not None:
            thread.join()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
