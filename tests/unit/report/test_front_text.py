"""The front as text: its numbers are whole on a console of any usual width."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from evonas.recorded.search import RecordedSearch
from evonas.report.front import front_view
from evonas.sources.journal import JournalSource
from tests.unit.search.fronts import THREE, TWO, write_front


@pytest.fixture(scope="module", params=[TWO, THREE], ids=["two", "three"])
def record(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RecordedSearch:
    folder: Path = tmp_path_factory.mktemp("runs")
    return JournalSource(write_front(folder, "front", objectives=request.param)).read()


def printed(record: RecordedSearch, width: int) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=width)
    console.print(front_view(record), highlight=False)
    assert isinstance(console.file, io.StringIO)
    return [line.split() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_numbers_of_the_front_are_never_cut(record: RecordedSearch, width: int) -> None:
    front = record.totals.front
    expected = [
        [str(trial.index), *(f"{value:.6g}" for value in values)]
        for trial, values in zip(front.members, front.values, strict=True)
    ]
    rows = [words[: 1 + len(record.spec.objectives)] for words in printed(record, width)]
    assert [row for row in rows if row in expected] == expected


def test_decisions_have_columns_of_their_own_where_there_is_room(record: RecordedSearch) -> None:
    assert ["trial", *(each.name for each in record.spec.objectives), "decisions"] in printed(record, 60)
    (heading,) = [words for words in printed(record, 200) if words[:1] == ["trial"]]
    assert set(heading[1 + len(record.spec.objectives) :]) <= {each.name for each in record.spec.space.decisions}


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_confirmed_members_are_shown_with_their_decisions_on_every_console(tmp_path: Path, width: int) -> None:
    folder = write_front(tmp_path, "confirmed", objectives=TWO, confirm={"top": 3, "repeats": 2})
    record = JournalSource(folder).read()
    said = " ".join(word for words in printed(record, width) for word in words)
    assert "\u2026" not in said
    shown = [name for name in record.spec.space.decisions if f" {name.name} " in said or f" {name.name}=" in said]
    assert len(shown) == 4
    for member, values in zip(record.totals.front.members, record.totals.front.values, strict=True):
        assert all(f"{value:.6g}" in said for value in values), member
    assert said.count(", 2 runs)") == 3 * len(TWO)
