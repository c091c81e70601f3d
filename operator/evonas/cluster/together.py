"""Work that goes on side by side and is waited for to its end: a write must not go on behind the next pass's back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any


async def finish_all(*work: Awaitable[Any]) -> list[Any]:
    """Wait for all, and only then raise the first error."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
