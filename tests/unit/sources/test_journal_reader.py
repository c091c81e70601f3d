"""Reading a journal on, however it grew, was cut off or was replaced, tells what reading it anew tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.errors import EvonasError
from evonas.local.journal import JOURNAL_FILE, NotBegun, read_journal
from evonas.local.journal_reader import JournalReader
from evonas.search.codec import to_object
from evonas.search.trial import Trial, TrialState
from tests.unit.search.support import IDENTITY, search_body, succeeded, trial

SEARCH = {**search_body(), "metadata": {"name": "search", "uid": "0f0e", "creationTimestamp": "2026-01-01T00:00:00Z"}}
Record = tuple[Any, list[Trial], Any]


class Follower:
    """Whoever keeps a reader, and what it was told."""

    def __init__(self, path: Path) -> None:
        self._trials: dict[int, Trial] = {}
        self.restarts = 0
        self._reader = JournalReader(path, self._take, self._restart)

    def read(self) -> Record | str:
        try:
            self._reader.read_on()
        except EvonasError as error:
            return str(error)
        if self._reader.is_empty:
            return "nothing"
        return self._reader.search, [self._trials[index] for index in sorted(self._trials)], self._reader.knowledge

    def _take(self, trial: Trial) -> None:
        self._trials[trial.index] = trial

    def _restart(self) -> None:
        self.restarts += 1
        self._trials.clear()


def read_anew(path: Path) -> Record | str:
    try:
        return read_journal(path)
    except NotBegun:
        return "nothing"
    except EvonasError as error:
        return str(error)


def lines_of(*states: Trial) -> bytes:
    bodies = [SEARCH, *(to_object(IDENTITY, state) for state in states)]
    return b"".join(json.dumps(body).encode() + b"\n" for body in bodies)


states = st.builds(
    lambda index, final: succeeded(index, index / 10) if final else trial(index, TrialState.RUNNING),
    st.integers(0, 5),
    st.booleans(),
)
contents = st.lists(states, max_size=6).map(lambda listed: lines_of(*listed))


@settings(deadline=None)
@given(data=st.data())
def test_a_journal_read_on_says_what_one_read_anew_says(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("run") / JOURNAL_FILE
    path.touch()
    follower = Follower(path)
    rest = data.draw(contents)
    for _ in range(data.draw(st.integers(1, 6))):
        step = data.draw(st.sampled_from(["grow", "grow", "grow", "tear", "replace", "overwrite", "damage"]))
        if step == "grow":
            size = data.draw(st.integers(0, len(rest)))
            with path.open("ab") as file:
                file.write(rest[:size])
            rest = rest[size:] or lines_of(data.draw(states)).partition(b"\n")[2]
        elif step == "tear":
            # As a run does on resuming: what follows the last complete line is cut off.
            content = path.read_bytes()
            with path.open("rb+") as file:
                file.truncate(content.rfind(b"\n") + 1)
            rest = lines_of(data.draw(states)).partition(b"\n")[2]
        elif step == "replace":
            other = path.with_suffix(".other")
            other.write_bytes(data.draw(contents))
            other.replace(path)
        elif step == "overwrite":
            path.write_bytes(data.draw(contents))
        else:
            with path.open("ab") as file:
                file.write(data.draw(st.sampled_from([b"{}\n", b"no JSON\n", b'{"kind": "ArchitectureTrial"}\n'])))
        assert follower.read() == read_anew(path)
        assert follower.read() == read_anew(path)


def test_a_journal_that_only_grew_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_FILE
    path.write_bytes(lines_of(succeeded(0, 0.5)))
    follower = Follower(path)
    follower.read()
    with path.open("ab") as file:
        file.write(lines_of(succeeded(1, 0.6)).partition(b"\n")[2])
    assert follower.read() == read_anew(path)
    assert follower.restarts == 0


RUNNING = [trial(index, TrialState.RUNNING) for index in range(4)]


@pytest.mark.parametrize(
    "after",
    [
        pytest.param([RUNNING[1], RUNNING[0]], id="shorter"),
        pytest.param([RUNNING[1], RUNNING[0], RUNNING[2]], id="longer"),
        pytest.param([RUNNING[3], RUNNING[0]], id="cut"),
    ],
)
@pytest.mark.parametrize("way", ["in its place", "by another file"])
def test_a_journal_that_is_overwritten_is_read_again_though_the_same_line_stands_where_reading_ended(
    tmp_path: Path, after: list[Trial], way: str
) -> None:
    path = tmp_path / JOURNAL_FILE
    path.write_bytes(lines_of(RUNNING[0], RUNNING[0]) + b"{}\n")
    follower = Follower(path)
    assert "line 4 is damaged" in follower.read()
    if way == "in its place":
        path.write_bytes(lines_of(*after))
    else:
        replace_by_a_file_of_the_same_number(path, lines_of(*after))
    assert follower.read() == read_anew(path)
    assert follower.restarts == 1


def replace_by_a_file_of_the_same_number(path: Path, content: bytes) -> None:
    """Many file systems give the number of a deleted file to the next that is made."""
    number = path.stat().st_ino
    path.unlink()
    others = []
    for place in range(100):
        other = path.with_name(f"other-{place}")
        other.write_bytes(content)
        if other.stat().st_ino == number:
            other.replace(path)
            return
        others.append(other)
    # This one gives each a number of its own.
    others[-1].replace(path)


def test_a_damaged_line_that_was_mended_in_its_place_is_read_on_from(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_FILE
    whole = lines_of(succeeded(0, 0.5), succeeded(1, 0.6))
    path.write_bytes(whole.replace(b'"index": 1', b'"index": ?'))
    follower = Follower(path)
    assert "line 3 is damaged" in follower.read()
    assert "line 3 is damaged" in follower.read()
    path.write_bytes(whole)
    assert follower.read() == read_anew(path) != "nothing"


def test_a_journal_without_its_search_is_told_to_be_none_however_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_FILE
    path.write_bytes(lines_of(succeeded(0, 0.5)).partition(b"\n")[2])
    follower = Follower(path)
    assert follower.read() == read_anew(path)
    assert "holds no search" in str(follower.read())
