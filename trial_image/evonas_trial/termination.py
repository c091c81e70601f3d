"""Leaving quickly when Kubernetes or the local run ends a trial; called first by every program here."""

from __future__ import annotations

import os
import signal
from types import FrameType

SIGTERM_EXIT_CODE = 128 + signal.SIGTERM


def leave_on_sigterm() -> None:
    """Make SIGTERM end the process at once.

    A container's first process ignores SIGTERM unless it says otherwise, and would hold its GPU until the end of the
    grace period. Nothing is worth saving: a trial that is ended has no result.
    """
    signal.signal(signal.SIGTERM, _leave)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # Not sys.exit: an exception could be held up by, or lost in, whatever code the signal interrupts.
    os._exit(SIGTERM_EXIT_CODE)
