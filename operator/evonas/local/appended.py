"""Files that grow by whole lines: each line is read once, and all again if the file is no longer the one it was.

A last line that is not complete is read once it is. Above nothing; ``journal_reader`` and ``other_runs`` read so.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

from evonas.local.looks import looks_of

BUFFER = 1 << 18
STRETCH = 1 << 16
STRETCHES = 16
COARSEST_CLOCK_NS = 2_000_000_000
"""What changes twice within this time may show the same time twice: FAT counts in two seconds, many Linux kernels stamp
files of any kind once in up to ten milliseconds."""


class AppendedLines:
    """One such file. ``epoch`` grows whenever what was read before does not count any more.

    It is read again when it is another file, and when what was read of it is no longer there. A file of up to a
    mebibyte (``STRETCH * STRETCHES``) is compared as far as it was read, by digests, however it was changed. Of a
    larger one that has grown, only the last mebibyte that was read is compared, so that reading on costs the same
    whatever the size; one that was written without growing is read again. Within two seconds of a change, times are
    not relied upon: the file is compared.

    Not noticed are a change farther back in a larger file that has also grown since the last look, and a change of any
    file that leaves its size and times as they were (the time of change, too, which nobody can set): the file system's
    clock would have to be coarser or further from ours than those two seconds.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.epoch = 0
        self.count = 0
        """Lines read in this epoch."""
        self._seen: tuple[int, ...] | None = None
        """What the file looked like when it was last read."""
        self._is_settled = False
        """Whether whatever is written after that changes what it looks like."""
        self._taken = _Taken()

    @property
    def has_news(self) -> bool:
        """Say whether the file may have changed since it was last read; OSError if there is none."""
        return looks_of(self._path.stat()) != self._seen or not self._is_settled

    def read_on(self) -> Generator[tuple[int, bytes]]:
        """Yield number and content of each complete line that was appended; OSError if the file cannot be read.

        A line counts as read when the next one is asked for: whoever cannot take it in is given it again.
        """
        if not self.has_news:
            return
        with self._path.open("rb", buffering=BUFFER) as file:
            now = time.time_ns()
            looks = looks_of(os.fstat(file.fileno()))
            if not self._goes_on(file, looks):
                self.epoch += 1
                self.count, self._taken = 0, _Taken()
            self._seen, self._is_settled = looks, abs(now - looks[-1]) > COARSEST_CLOCK_NS
            file.seek(self._taken.end)
            try:
                for line in file:
                    if not line.endswith(b"\n"):
                        return
                    yield self.count + 1, line
                    self.count += 1
                    self._taken.add(line)
            except OSError:
                # What was not read is news still.
                self._is_settled = False
                raise

    def torn(self) -> bytes:
        """Return what follows the last line that was taken in; empty if the file is gone."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._taken.end)
                return file.read()
        except FileNotFoundError:
            return b""

    def _goes_on(self, file: BinaryIO, looks: tuple[int, ...]) -> bool:
        """Say whether the file is the one that was read, and what was read of it is unchanged, as far as the class says
        that this is told.
        """
        if self._seen is None or looks == self._seen:
            return self._taken.is_in(file)
        (device, inode, size, *_), before = looks, self._seen
        if (device, inode) != before[:2] or (size <= before[2] and not self._taken.is_whole):
            return False
        return self._taken.is_in(file)


class _Taken:
    """What was taken in of a file, to be recognised in it: digests of its last stretches of whole lines."""

    def __init__(self) -> None:
        self.end = 0
        self._stretches = deque([_Stretch(0)], maxlen=STRETCHES)

    @property
    def is_whole(self) -> bool:
        """Say whether all of it can be recognised."""
        return self._stretches[0].start == 0

    def add(self, line: bytes) -> None:
        if self._stretches[-1].size >= STRETCH:
            self._stretches.append(_Stretch(self.end))
        self._stretches[-1].add(line)
        self.end += len(line)

    def is_in(self, file: BinaryIO) -> bool:
        """Say whether the file has the same bytes there."""
        file.seek(self._stretches[0].start)
        return all(stretch.is_next_in(file) for stretch in self._stretches)


class _Stretch:
    """Some lines that follow each other."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.size = 0
        self._digest = hashlib.blake2b(digest_size=16)

    def add(self, line: bytes) -> None:
        self.size += len(line)
        self._digest.update(line)

    def is_next_in(self, file: BinaryIO) -> bool:
        return hashlib.blake2b(file.read(self.size), digest_size=16).digest() == self._digest.digest()
