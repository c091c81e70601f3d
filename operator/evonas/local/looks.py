"""What a file looks like from outside: whoever reads it again only once it has changed compares that."""

from __future__ import annotations

import os
from pathlib import Path


def looks_of(status: os.stat_result) -> tuple[int, ...]:
    """Return what tells files and their changes apart; the last is when anything of it changed.

    What is written twice within a tick of the file system's clock, milliseconds on many, has one time: then it takes
    another size, or another file in its place.
    """
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def looks_at(file: Path) -> tuple[int, ...]:
    """Return the same of the file at a path; empty if it cannot be looked at, such as where there is none."""
    try:
        return looks_of(file.stat())
    except OSError:
        return ()
