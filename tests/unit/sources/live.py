"""What tests of searches that are kept current share: waiting for a condition, asked whenever anything changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from evonas.sources.live.directory import LiveSearches, UnknownSearch
from harness.waiting import PATIENCE

T = TypeVar("T")


async def until(live: LiveSearches, condition: Callable[[], T], patience: float = PATIENCE) -> T:
    """Return the first true value of the condition; what is not known yet counts as false."""

    async def wait() -> T:
        async with live.subscribe() as notices:
            while True:
                with suppress(UnknownSearch):
                    if value := condition():
                        return value
                await anext(notices)

    return await asyncio.wait_for(wait(), patience)
