"""Reads a running attempt's log for what its trial reports by it, and leaves what was found in a file.

Part of the attempt's supervisor, which goes on if the run is killed: nothing may be cut out of the log that was not
read. Few imports besides the standard library, like ``supervise``.
"""

from __future__ import annotations

import os
from contextlib import suppress
from io import FileIO
from pathlib import Path

from evonas.local.processes.whole_files import write_whole
from evonas.search.log_reading import LogReading, Wanted, to_text

PRINTED_FILE = "printed.json"
_CHUNK = 1 << 16


class LogResults:
    """What is found in a log; ``look`` as often as it may have grown."""

    def __init__(self, log: Path, wanted: Wanted) -> None:
        self._file = FileIO(log, "rb")
        self._folder = log.parent
        self._reading = LogReading(wanted)
        self._position = 0
        self._shown = 0
        """Of how many rungs the results were shown."""

    def look(self) -> int:
        """Read on, and show new results at rungs; returns up to where the log was read."""
        size = self._file.seek(0, os.SEEK_END)
        if size < self._position:
            # The trial has emptied its own log.
            self._reading.begin_again()
            self._position = 0
        self._file.seek(self._position)
        # No further than it was: a trial may print faster than this reads, and its time limit must be kept meanwhile.
        while self._position < size and (chunk := self._file.read(min(_CHUNK, size - self._position))):
            self._reading.feed(chunk)
            self._position += len(chunk)
        if (rungs := len(self._reading.rungs)) > self._shown:
            # On a full disk it is shown later.
            with suppress(OSError):
                self._write()
                self._shown = rungs
        return self._position

    def end(self) -> None:
        """Read the rest of what an ended trial has printed, and show it."""
        self.look()
        self._reading.end()
        self._write()
        self._file.close()

    def _write(self) -> None:
        write_whole(self._folder / PRINTED_FILE, to_text(self._reading.printed).encode())
