"""uvicorn says each time that it refuses a connection, because there are too many: that would fill a disk."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

REFUSED = "Exceeded concurrency limit."
EVERY_SECONDS = 60.0


class Seldom(logging.Filter):
    """Passes what is said of refused connections once a minute at most, with how many they were since."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most = most
        self._clock = clock
        self._refused = 0
        self._next = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether it is said, and put it in words."""
        if record.msg != REFUSED:
            return True
        self._refused += 1
        now = self._clock()
        if now < self._next:
            return False
        record.msg = "%s connections are open, the most there may be: refused %s more"
        record.args = (f"{self._most:,}", f"{self._refused:,}")
        self._next, self._refused = now + EVERY_SECONDS, 0
        return True
