"""The one way the harness waits: poll a condition, and say what was awaited when it never came."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from harness.errors import ClusterError

T = TypeVar("T")

PATIENCE = 90.0
"""Seconds until a wait is in vain: those that are not end early, and a busy machine takes its time."""


def wait_for(description: str, predicate: Callable[[], T], timeout: float = PATIENCE, interval: float = 0.05) -> T:
    """Return the predicate's first true value; a ClusterError counts as "not yet" and is quoted when time runs out."""
    deadline = time.monotonic() + timeout
    last: object = None
    while True:
        try:
            last = value = predicate()
            if value:
                return value
        except ClusterError as error:
            last = error
        if time.monotonic() >= deadline:
            raise ClusterError(f"waited {timeout:g} s for {description}; last seen: {last!r}")
        time.sleep(interval)
