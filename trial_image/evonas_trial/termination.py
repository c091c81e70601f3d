"""Exits quickly when Kubernetes or the local run stops a trial; called first by every program here."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

SIGTERM_EXIT_CODE = 128 + signal.SIGTERM

SECONDS_TO_SAVE = 10
"""After this long, a trial that saves its state is ended anyway, whatever delays it."""


def leave_on_sigterm() -> None:
    """Make SIGTERM end the process at once.

    A container's first process ignores SIGTERM by default, and would hold its GPU until the end of the grace period.
    There is nothing to save: a trial that is stopped has no result.
    """
    signal.signal(signal.SIGTERM, _leave)


class Notice:
    """SIGTERM as a flag, for a training that saves its state first; it has SECONDS_TO_SAVE to exit."""

    def __init__(self) -> None:
        self._given = False
        signal.signal(signal.SIGTERM, self._note)

    def given(self) -> bool:
        """Return whether SIGTERM was received."""
        return self._given

    def _note(self, _signal: int, _frame: FrameType | None) -> None:
        self._given = True
        # A C thread that does not need the GIL, so that it works while a library is busy. (An alarm would not: a
        # signal's default action has no effect on a container's first process.)
        faulthandler.dump_traceback_later(SECONDS_TO_SAVE, exit=True)


def leave() -> None:
    """End the process as SIGTERM does."""
    os._exit(SIGTERM_EXIT_CODE)


def leave_with(code: int) -> NoReturn:
    """End the process at once, its work done and its result reported, without the interpreter's own end.

    Threads of ``torch.distributed`` may outlive the process group, and the first that asks for the interpreter while
    that ends aborts the process: "terminate called without an active exception", exit code 134 in place of 0.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # Not sys.exit: an exception could be delayed or swallowed by the code that the signal interrupts.
    leave()
