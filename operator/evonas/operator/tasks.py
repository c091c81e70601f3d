"""Running the operator's parts side by side, and ending them."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)


async def until_first_ends(*parts: Coroutine[Any, Any, Any]) -> None:
    """Run the parts side by side; when one ends, well or not, the others are cancelled, and that is awaited.

    The error of the first to fail is raised; what goes wrong besides, or while the others end, is in the log.
    """
    tasks = [asyncio.ensure_future(part) for part in parts]
    failed: asyncio.Future[Any] | None = None
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        failed = next((task for task in tasks if task in done and (task.cancelled() or task.exception())), None)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if task is not failed and not task.cancelled() and (error := task.exception()) is not None:
                logger.error("one part of the operator failed as another ended: %s", error, exc_info=error)
    if failed is not None:
        failed.result()


def stop_on_signals(stop: asyncio.Event) -> None:
    """Let SIGTERM and SIGINT set ``stop``."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
