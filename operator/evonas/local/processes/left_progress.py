"""What an attempt has told of its progress so far, from the files in its folder."""

from __future__ import annotations

from pathlib import Path

from evonas.local.processes.left_files import read_start
from evonas.local.processes.log_results import PRINTED_FILE
from evonas.search.log_reading import MAX_PRINTED, Printed, read_printed
from evonas.search.trial_progress import MAX_PROGRESS, Progress, parse_progress

PROGRESS_FILE = "progress.json"


def looks_of_progress(folder: Path, *, printed: bool) -> tuple[int, ...]:
    """Return what changes whenever an attempt replaces the file of its progress; empty if there is none yet.

    ``printed`` if its output is its report.
    """
    try:
        status = _file(folder, printed=printed).stat()
    except OSError:
        return ()
    # What is written twice within a tick of the file system's clock, milliseconds on many, has one time.
    return status.st_ino, status.st_size, status.st_mtime_ns


def read_progress(folder: Path, *, printed: bool) -> Progress | None:
    """Return the latest progress of the attempt in ``folder``; None if it has told of none."""
    if printed:
        return read_printed_file(folder).progress
    written = read_start(_file(folder, printed=False), MAX_PROGRESS + 1)
    # As a pod's annotation would be read.
    return None if written is None else parse_progress(written.decode(errors="replace"))


def read_printed_file(folder: Path) -> Printed:
    """Return what the attempt's supervisor has found in its log."""
    written = read_start(folder / PRINTED_FILE, MAX_PRINTED)
    return Printed() if written is None else read_printed(written.decode(errors="replace"))


def _file(folder: Path, *, printed: bool) -> Path:
    return folder / (PRINTED_FILE if printed else PROGRESS_FILE)
