"""How long to wait before the next try, and trying until the API server lets it succeed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from evonas.cluster.client.api import ApiError

T = TypeVar("T")

logger = logging.getLogger(__name__)

FIRST_BACKOFF, LAST_BACKOFF = 0.5, 60.0
ALL_WAIT = 15.0
"""The longest pause of what everything else waits for: the start, and the streams."""


def pause(failures: int, *errors: Exception, longest: float = LAST_BACKOFF) -> float:
    """Return the seconds to wait after so many failures in a row; as long as the server asked for, at least."""
    asked = [error.retry_after or 0.0 for error in errors if isinstance(error, ApiError)]
    usual: float = min(longest, FIRST_BACKOFF * 2.0 ** min(failures - 1, 10))
    return max(*asked, usual * random.uniform(0.5, 1.0), 0.0)


async def retried(what: str, call: Callable[[], Awaitable[T]]) -> T:
    """Return the answer of the first call that the API server neither refuses nor fails to answer.

    A refusal is tried again, too: whoever may grant the right need not know that somebody waits for it.
    """
    failures = 0
    while True:
        try:
            return await call()
        except ApiError as error:
            failures += 1
            seconds = pause(failures, error, longest=ALL_WAIT)
            logger.warning("%s: trying again in %.1f s: %s", what, seconds, error)
        await asyncio.sleep(seconds)
