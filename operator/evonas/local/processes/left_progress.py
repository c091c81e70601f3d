"""What an attempt has told of its progress so far, from the files in its folder."""

from __future__ import annotations

from pathlib import Path

from evonas.local.processes.left_files import read_start
from evonas.local.processes.log_results import PRINTED_FILE
from evonas.search.log_reading import MAX_PRINTED, Printed, read_printed
from evonas.search.trial_progress import MAX_PROGRESS, Progress, parse_progress

PROGRESS_FILE = "progress.json"


def progress_file(folder: Path, *, printed: bool) -> Path:
    """Return the file that tells of an attempt's progress; ``printed`` if its output is its report."""
    return folder / (PRINTED_FILE if printed else PROGRESS_FILE)


def read_progress(folder: Path, *, printed: bool) -> Progress | None:
    """Return the latest progress of the attempt in ``folder``; None if it has told of none."""
    if printed:
        return read_printed_file(folder).progress
    written = read_start(progress_file(folder, printed=False), MAX_PROGRESS + 1)
    # As a pod's annotation would be read.
    return None if written is None else parse_progress(written.decode(errors="replace"))


def read_printed_file(folder: Path) -> Printed:
    """Return what the attempt's supervisor has found in its log."""
    written = read_start(folder / PRINTED_FILE, MAX_PRINTED)
    return Printed() if written is None else read_printed(written.decode(errors="replace"))
