"""An attempt's output: a file that the trial writes directly, of which only the beginning and the end are kept.

Nothing stands between a trial and its file, so a trial never waits for a reader and loses no output with its
supervisor. Instead the middle is cut out: while the trial runs as a hole, which takes no space, and at its end by
rewriting the file. On a file system without holes the limit applies only at the end. Standard library only, like
``supervise``.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import IO

LOG_FILE = "log.txt"
_CHUNK = 1 << 16
_KEEP_SIZE_AND_PUNCH_HOLE = 0x01 | 0x02
_NOTE_WHILE_RUNNING = b"\n[evonas: what was printed here is left out; evonas run --max-log keeps more]\n"
_NOTE = "\n[evonas: {} bytes left out here; evonas run --max-log keeps more]\n"


class BoundedLog:
    """The log of a running attempt; a context whose exit makes the cut permanent."""

    def __init__(self, path: Path, limit: int) -> None:
        """``limit`` is how many bytes are kept, half of them from the beginning; 0 keeps all."""
        self.file = FileIO(path, "ab")
        """The descriptor that the trial writes to."""
        self._path = path
        self._limit = limit
        # Holes consist of whole blocks.
        self._block = os.fstat(self.file.fileno()).st_blksize
        self._hole = self._blocks(limit // 2)
        self._head = self._hole - len(_NOTE_WHILE_RUNNING)
        self._until = self._hole

    def __enter__(self) -> BoundedLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A full disk must not keep the attempt's end from being recorded.
        with suppress(OSError):
            self._cut_for_good()
        self.file.close()

    def look(self, seen: int | None = None) -> None:
        """Cut out the middle if the log is too long, nothing beyond what somebody has ``seen`` who must see it all."""
        until = self._blocks(self._size - self._limit // 2)
        if seen is not None:
            until = min(until, self._blocks(seen))
        if not self._is_too_long or until <= self._until:
            return
        # The file's own descriptor only appends, so this write needs another one.
        with self._path.open("rb+") as file:
            if self._until == self._hole:
                file.seek(self._head)
                file.write(_NOTE_WHILE_RUNNING)
            with suppress(OSError):
                _punch(file.fileno(), self._hole, until)
        self._until = until

    @property
    def _size(self) -> int:
        return os.fstat(self.file.fileno()).st_size

    @property
    def _is_too_long(self) -> bool:
        return 0 < self._limit < self._size

    def _blocks(self, size: int) -> int:
        return size // self._block * self._block

    def _cut_for_good(self) -> None:
        if not self._is_too_long:
            return
        tail = self._limit // 2
        left_out = self._size - tail - self._head
        partial = self._path.with_suffix(".partial")
        with self._path.open("rb") as source, partial.open("wb") as target:
            _copy(source, target, self._head)
            target.write(_NOTE.format(left_out).encode())
            source.seek(-tail, os.SEEK_END)
            _copy(source, target, tail)
        partial.replace(self._path)


def _punch(descriptor: int, start: int, end: int) -> None:
    """Punch a hole; OSError if the file system or the system does not support holes."""
    try:
        fallocate = ctypes.CDLL(None, use_errno=True).fallocate
    except AttributeError as error:
        raise OSError(errno.ENOSYS, "no fallocate here") from error
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    if fallocate(descriptor, _KEEP_SIZE_AND_PUNCH_HOLE, start, end - start) != 0:
        raise OSError(ctypes.get_errno(), "cannot punch a hole")


def _copy(source: IO[bytes], target: IO[bytes], count: int) -> None:
    while count and (chunk := source.read(min(count, _CHUNK))):
        target.write(chunk)
        count -= len(chunk)


def read_on(log: FileIO) -> Iterator[bytes]:
    """Yield the contents from the position on, except what was cut out."""
    while True:
        count = _CHUNK
        # At the end of the file, and where holes are not supported, this fails and the position stays.
        with suppress(OSError):
            start = os.lseek(log.fileno(), log.tell(), os.SEEK_DATA)
            count = min(count, os.lseek(log.fileno(), start, os.SEEK_HOLE) - start)
            log.seek(start)
        chunk = log.read(count)
        if not chunk:
            return
        yield chunk


def last_line(path: Path, most: int) -> str:
    """Return the last line that is not blank, at most that many characters of it; empty if there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - _CHUNK))
        lines = log.read().decode("utf-8", errors="replace").strip().splitlines()
    return lines[-1][-most:] if lines else ""
