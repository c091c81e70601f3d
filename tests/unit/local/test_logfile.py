"""The log of an attempt: whole while it is short, head and tail when it is long, and followed without a gap."""

from __future__ import annotations

import re
from io import FileIO
from pathlib import Path

import pytest

from evonas.local.processes.logfile import LOG_FILE, BoundedLog, last_line, read_on

LIMIT = 1 << 16
NOTE = rb"\n\[evonas: (.*)left out.*; evonas run --max-log keeps more\]\n"


def lines(first: int, last: int) -> bytes:
    return b"".join(b"%07d\n" % number for number in range(first, last))


def disk(path: Path) -> int:
    return path.stat().st_blocks * 512


@pytest.mark.parametrize("limit", [0, LIMIT])
def test_a_log_that_is_not_too_long_stays_as_it_is(tmp_path: Path, limit: int) -> None:
    with BoundedLog(tmp_path / LOG_FILE, limit) as log:
        log.file.write(lines(0, LIMIT // 8))
        log.look()
    assert (tmp_path / LOG_FILE).read_bytes() == lines(0, LIMIT // 8)


@pytest.mark.parametrize("looks", [0, 1, 3])
def test_head_and_tail_of_a_long_log_are_kept_and_the_cut_is_told(tmp_path: Path, looks: int) -> None:
    with BoundedLog(tmp_path / LOG_FILE, LIMIT) as log:
        for part in range(10):
            log.file.write(lines(10_000 * part, 10_000 * (part + 1)))
            if part < looks:
                log.look()
    content = (tmp_path / LOG_FILE).read_bytes()
    cut = re.search(NOTE, content)
    assert cut is not None
    head, tail = content[: cut.start()], content[cut.end() :]
    whole = lines(0, 100_000)
    assert (whole.startswith(head), whole.endswith(tail)) == (True, True)
    assert cut[1].decode().split() == [str(len(whole) - len(head) - len(tail)), "bytes"]
    assert len(content) <= LIMIT
    assert min(len(head), len(tail)) > 0.4 * LIMIT


def test_the_space_of_a_running_trials_log_is_bounded_and_readers_pass_over_the_hole(tmp_path: Path) -> None:
    path = tmp_path / LOG_FILE
    with BoundedLog(path, LIMIT) as log:
        for part in range(100):
            log.file.write(lines(10_000 * part, 10_000 * (part + 1)))
            log.look()
        assert disk(path) < 2 * LIMIT
        with FileIO(path) as file:
            read = b"".join(read_on(file))
    head, _, tail = re.split(NOTE, read)
    whole = lines(0, 1_000_000)
    assert (whole.startswith(head), whole.endswith(tail)) == (True, True)


def test_who_follows_a_log_misses_nothing_that_is_cut_out_behind_them(tmp_path: Path) -> None:
    read = b""
    with BoundedLog(tmp_path / LOG_FILE, LIMIT) as log, FileIO(tmp_path / LOG_FILE) as file:
        for part in range(20):
            log.file.write(lines(5_000 * part, 5_000 * (part + 1)))
            read += b"".join(read_on(file))
            log.look()
        log.file.write(b"the last words\n")
        read += b"".join(read_on(file))
    assert read == lines(0, 100_000) + b"the last words\n"


def test_a_trial_that_empties_its_own_log_begins_anew(tmp_path: Path) -> None:
    with BoundedLog(tmp_path / LOG_FILE, LIMIT) as log:
        log.file.write(lines(0, 100_000))
        log.look()
        log.file.truncate(0)
        log.file.write(b"anew\n")
        log.look()
    assert (tmp_path / LOG_FILE).read_bytes() == b"anew\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [("", ""), ("\n \n", ""), ("one\ntwo\n\n", "two"), ("x" * 300, "x" * 200), ("\n".join("abc" * 100_000), "c")],
)
def test_last_words_are_the_last_line_that_says_anything(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / LOG_FILE).write_text(content)
    assert last_line(tmp_path / LOG_FILE, 200) == words
    assert last_line(tmp_path / "missing", 200) == ""
