"""Files that grow by whole lines: each line is read once, and all again if the file is no longer the one it was.

A last line that is not complete is read once it is. Above nothing; ``journal_reader`` and ``other_runs`` read so.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

BUFFER = 1 << 18
_TAIL = 256
"""Bytes before the position that must be as they were: a file may also be overwritten in its place."""


class AppendedLines:
    """One such file. ``epoch`` grows whenever what was read before does not count any more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.epoch = 0
        self.count = 0
        """Lines read in this epoch."""
        self._seen: tuple[int, ...] | None = None
        """What the file looked like when it was last read."""
        self._position = 0
        """After the last line that was taken in."""
        self._tail = b""

    @property
    def has_news(self) -> bool:
        """Say whether the file has changed since it was last read; OSError if there is none."""
        return _looks(self._path.stat()) != self._seen

    def read_on(self) -> Generator[tuple[int, bytes]]:
        """Yield number and content of each complete line that was appended; OSError if the file cannot be read.

        A line counts as read when the next one is asked for: whoever cannot take it in is given it again.
        """
        if not self.has_news:
            return
        with self._path.open("rb", buffering=BUFFER) as file:
            looks = _looks(os.fstat(file.fileno()))
            if self._seen is not None and not self._goes_on(file, looks):
                self.epoch += 1
                self.count, self._position, self._tail = 0, 0, b""
            self._seen = looks
            file.seek(self._position)
            try:
                for line in file:
                    if not line.endswith(b"\n"):
                        return
                    yield self.count + 1, line
                    self.count += 1
                    self._position += len(line)
                    self._tail = line[-_TAIL:]
            except OSError:
                # What was not read is news still.
                self._seen = (*looks[:-1], 0)
                raise

    def torn(self) -> bytes:
        """Return what follows the last line that was taken in; empty if the file is gone."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                return file.read()
        except FileNotFoundError:
            return b""

    def _goes_on(self, file: BinaryIO, looks: tuple[int, ...]) -> bool:
        """Say whether the file is the one that was read, and what was read of it is unchanged, as far as can be told
        without reading it again.
        """
        assert self._seen is not None
        device, inode, size, _ = looks
        before = self._seen
        if (device, inode) != before[:2] or size < self._position:
            return False
        if size == before[2]:
            # Nothing was appended, but something was written.
            return False
        file.seek(self._position - len(self._tail))
        return file.read(len(self._tail)) == self._tail


def _looks(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
