"""What was read of a file that grows by lines is read again if it has changed, and only then."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from evonas.local import appended
from evonas.local.appended import COARSEST_CLOCK_NS, STRETCH, STRETCHES, AppendedLines
from evonas.local.looks import looks_of

LINES = [b"%07d\n" % number for number in range(3 * STRETCH * STRETCHES // 8)]
"""Three times as much as is compared."""
SMALL = LINES[:1000]


def read(lines: AppendedLines) -> list[bytes]:
    return [line for _, line in lines.read_on()]


def made(folder: Path, content: list[bytes]) -> tuple[Path, AppendedLines]:
    path = folder / "lines"
    path.write_bytes(b"".join(content))
    lines = AppendedLines(path)
    assert read(lines) == content
    return path, lines


def overwrite(path: Path, place: int, line: bytes) -> None:
    with path.open("rb+") as file:
        file.seek(8 * place)
        file.write(line)


@pytest.mark.parametrize("content", [SMALL, LINES], ids=["small", "large"])
def test_what_was_appended_is_read_and_nothing_again(tmp_path: Path, content: list[bytes]) -> None:
    path, lines = made(tmp_path, content)
    for expected in (b"more\n", b"tomore\n", b"tomore\n"):
        with path.open("ab") as file:
            file.write(b"more\nto")
        assert read(lines) == [expected]
        assert read(lines) == []
    assert (lines.epoch, lines.torn()) == (0, b"to")


@pytest.mark.parametrize("grows", [True, False])
@pytest.mark.parametrize("place", [0, 500, 999])
def test_a_small_file_is_read_again_wherever_it_was_changed(tmp_path: Path, place: int, *, grows: bool) -> None:
    path, lines = made(tmp_path, SMALL)
    overwrite(path, place, b"changed\n")
    if grows:
        with path.open("ab") as file:
            file.write(b"more\n")
    assert read(lines) == path.read_bytes().splitlines(keepends=True)
    assert lines.epoch == 1


def test_a_large_file_that_does_not_grow_is_read_again_wherever_it_was_changed(tmp_path: Path) -> None:
    path, lines = made(tmp_path, LINES)
    overwrite(path, 1, b"changed\n")
    assert len(read(lines)) == len(LINES)
    os.truncate(path, 8 * (len(LINES) - 1))
    assert len(read(lines)) == len(LINES) - 1
    assert lines.epoch == 2


def test_a_large_file_that_grows_is_read_again_if_its_last_mebibyte_was_changed(tmp_path: Path) -> None:
    path, lines = made(tmp_path, LINES)
    overwrite(path, len(LINES) - STRETCH * (STRETCHES - 1) // 8, b"changed\n")
    with path.open("ab") as file:
        file.write(b"more\n")
    assert len(read(lines)) == len(LINES) + 1
    assert lines.epoch == 1


def test_a_change_is_noticed_though_its_time_was_put_back(tmp_path: Path) -> None:
    path, lines = made(tmp_path, SMALL)
    before = path.stat()
    overwrite(path, 500, b"changed\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert b"changed\n" in read(lines)


def test_a_second_change_is_noticed_where_the_file_systems_clock_has_not_moved_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick = time.time_ns()
    monkeypatch.setattr(appended, "looks_of", lambda status: (*looks_of(status)[:3], tick, tick))
    path, lines = made(tmp_path, SMALL)
    overwrite(path, 500, b"changed\n")
    assert b"changed\n" in read(lines)


def test_a_file_at_rest_has_no_news(tmp_path: Path) -> None:
    path, lines = made(tmp_path, SMALL)
    assert lines.has_news
    while path.stat().st_ctime_ns + COARSEST_CLOCK_NS >= time.time_ns():
        time.sleep(0.1)
    assert read(lines) == []
    assert not lines.has_news
