"""What an attempt has told of its progress is read whenever it has told anything new."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evonas.local.processes.left_progress import PROGRESS_FILE, looks_of_progress
from evonas.local.processes.log_results import PRINTED_FILE


@pytest.mark.parametrize("printed", [False, True])
def test_progress_that_is_written_twice_within_a_tick_of_the_clock_is_new_both_times(
    tmp_path: Path, printed: bool
) -> None:
    file, moment = tmp_path / (PRINTED_FILE if printed else PROGRESS_FILE), 1_700_000_000_000_000_000
    looks = [looks_of_progress(tmp_path, printed=printed)]
    for step in (1, 2):
        replacement = tmp_path / "new"
        replacement.write_text(f'{{"step": {step}}}')
        os.utime(replacement, ns=(moment, moment))
        replacement.replace(file)
        looks.append(looks_of_progress(tmp_path, printed=printed))
    assert looks[0] == ()
    assert len(set(looks)) == 3
