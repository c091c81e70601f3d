"""The attempts that were ended by a decision, until nothing of them runs any more: their GPUs are not free before.

A pod has its grace period to end in. Whoever waits longer waits for a node that does not answer, perhaps for ever.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import timedelta

from evonas.cluster.state.store import AttemptKey

PATIENCE = timedelta(seconds=10)
"""How much longer than its grace period an attempt may take to end."""


class Departures:
    """Those of one search. Times are in seconds by the monotonic clock."""

    def __init__(self) -> None:
        self._since: dict[AttemptKey, float] = {}

    def note(self, leaving: Set[AttemptKey], now: float) -> list[float]:
        """Take in which attempts are leaving; returns how long those took that no longer are."""
        gone = [now - since for key, since in self._since.items() if key not in leaving]
        self._since = {key: self._since.get(key, now) for key in leaving}
        return gone

    def waited_for(self, grace: timedelta, now: float) -> tuple[int, float | None]:
        """Return for how many of them to wait, and after how many seconds for one less."""
        patience = (grace + PATIENCE).total_seconds()
        left = [rest for since in self._since.values() if (rest := since + patience - now) > 0]
        return len(left), min(left, default=None)
