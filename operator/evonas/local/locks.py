"""Locks on files: a process that works on something holds one, and the system releases it however the process ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def is_locked(path: Path) -> bool:
    """Say whether a process holds the file's lock; False if there is no file."""
    try:
        # Cheaper than a file object: hundreds of files are asked for again and again.
        lock = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def wait_for_release(path: Path) -> None:
    """Wait until no process holds the file's lock."""
    with path.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
