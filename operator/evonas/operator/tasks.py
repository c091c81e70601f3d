"""Running the operator's parts concurrently, and ending them."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)


async def until_first_ends(*parts: Coroutine[Any, Any, Any]) -> None:
    """Run the parts concurrently; when one ends, successfully or not, the others are cancelled and awaited.

    The first error is raised; any further errors, also while the others end, are logged.
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
                logger.error("a part of the operator failed while another was ending: %s", error, exc_info=error)
    if failed is not None:
        failed.result()


def stop_on_signals(stop: asyncio.Event) -> None:
    """Let SIGTERM and SIGINT set ``stop``."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
