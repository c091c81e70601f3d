"""Leaving quickly when Kubernetes or the local run ends a trial; called first by every program here."""

from __future__ import annotations

import faulthandler
import os
import signal
from types import FrameType

SIGTERM_EXIT_CODE = 128 + signal.SIGTERM

SECONDS_TO_SAVE = 10
"""After this long a trial that saves its state is ended all the same, whatever holds it up."""


def leave_on_sigterm() -> None:
    """Make SIGTERM end the process at once.

    A container's first process ignores SIGTERM unless it says otherwise, and would hold its GPU until the end of the
    grace period. Nothing is worth saving: a trial that is ended has no result.
    """
    signal.signal(signal.SIGTERM, _leave)


class Notice:
    """SIGTERM as a question, for a training that saves its state first; it has SECONDS_TO_SAVE to leave by itself."""

    def __init__(self) -> None:
        self._given = False
        signal.signal(signal.SIGTERM, self._note)

    def given(self) -> bool:
        """Say whether SIGTERM has come."""
        return self._given

    def _note(self, _signal: int, _frame: FrameType | None) -> None:
        self._given = True
        # A thread of C that needs no turn of Python's, so that it works while a library is busy. (An alarm would not:
        # the default action of a signal does nothing to a container's first process.)
        faulthandler.dump_traceback_later(SECONDS_TO_SAVE, exit=True)


def leave() -> None:
    """End the process as SIGTERM does."""
    os._exit(SIGTERM_EXIT_CODE)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # Not sys.exit: an exception could be held up by, or lost in, whatever code the signal interrupts.
    leave()
