"""Signals as something to wait for: none interrupts work in progress, and none is missed between check and wait."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Sequence
from types import FrameType


class Wakeups:
    """The signals received by this process since it was created; one object at a time per process."""

    def __init__(self, *numbers: signal.Signals) -> None:
        self.heard: set[int] = set()
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        # A full pipe wakes the waiter just as well as one more byte.
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, _nothing)

    def wait(self, seconds: float | None = None, others: Sequence[int] = ()) -> Sequence[int]:
        """Wait for a signal, or for one of other descriptors to be readable, and return those that are."""
        readable, _, _ = select.select([self._reader, *others], [], [], seconds)
        if self._reader in readable:
            self.heard.update(os.read(self._reader, 4096))
        return [other for other in others if other in readable]

    def close(self) -> None:
        """Stop listening."""
        signal.set_wakeup_fd(-1)
        os.close(self._reader)
        os.close(self._writer)


def _nothing(number: int, frame: FrameType | None) -> None:
    """Do nothing: an ignored signal would not be noticed."""
