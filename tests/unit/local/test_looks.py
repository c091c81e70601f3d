"""A file that has changed looks different, such as that of an attempt's progress, which is replaced often."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evonas.local.looks import looks_at
from evonas.local.processes.left_progress import progress_file


@pytest.mark.parametrize("printed", [False, True])
def test_progress_that_is_written_twice_within_a_tick_of_the_clock_is_new_both_times(
    tmp_path: Path, printed: bool
) -> None:
    file, moment = progress_file(tmp_path, printed=printed), 1_700_000_000_000_000_000
    looks = [looks_at(file)]
    for step in (1, 2):
        replacement = tmp_path / "new"
        replacement.write_text(f'{{"step": {step}}}')
        os.utime(replacement, ns=(moment, moment))
        replacement.replace(file)
        looks.append(looks_at(file))
    assert looks[0] == ()
    assert len(set(looks)) == 3
