"""Files that a trial has left, or still writes. Whatever else stands in their place (a folder, a pipe, a link that
leads nowhere) counts as no file: nothing that a trial does may end or block its run.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def read_start(path: Path, size: int) -> bytes | None:
    """Return the first bytes of a file; None if there is none."""
    return _read(path, lambda file: file.read(size))


def read_end(path: Path, size: int) -> bytes | None:
    """Return the last bytes of a file; None if there is none."""

    def read(file: BinaryIO) -> bytes:
        file.seek(max(0, file.seek(0, os.SEEK_END) - size))
        return file.read(size)

    return _read(path, read)


def _read(path: Path, read: Callable[[BinaryIO], bytes]) -> bytes | None:
    try:
        # Opening a pipe would wait for its other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return read(file)
    finally:
        os.close(descriptor)
