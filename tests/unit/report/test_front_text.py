"""The front as text: its numbers are whole on a console of any usual width."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from evonas.recorded.search import RecordedSearch
from evonas.report.front import describe_front, front_view, results_in_words
from evonas.sources.journal import JournalSource
from tests.unit.search.fronts import THREE, TWO, made_of, write_front


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


def test_value_that_soft_constraints_have_changed_is_not_taken_for_the_metric(tmp_path: Path) -> None:
    soft = {**TWO[1], "constraints": [{"metric": TWO[0]["metric"], "target": 0.5, "exponent": -0.07}]}
    weighted = JournalSource(write_front(tmp_path, "weighted", objectives=[TWO[0], soft])).read()
    name = soft["metric"]
    assert ["trial", TWO[0]["metric"], "weighted", name, "decisions"] in printed(weighted, 60)
    member = weighted.totals.front.members[0]
    assert f"weighted {name} " in results_in_words(weighted, member)
    assert f"weighted {name} " in describe_front(weighted)


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


def test_a_reference_that_nobody_declared_is_told_from_one_that_was() -> None:
    record = made_of((0.5, 9.0), (0.25, 4.0), objectives=[TWO[0], {**TWO[1], "reference": 10}])
    said = "2 trials on the front, hypervolume 0.25 measured from accuracy 0.25 (the worst so far), latency_ms 10"
    assert " ".join(printed(record, 200)[0]) == said


def test_an_objective_with_one_value_in_all_results_is_named() -> None:
    words = printed(made_of((0.5, 9.0), (0.5, 4.0), (0.5, 5.0)), 200)[1]
    assert " ".join(words) == "accuracy is 0.5 in all 3 results: check that the trials report what they measure"
    for others in (made_of((0.5, 9.0), (0.5, 4.0)), made_of((0.5, 9.0), (0.5, 4.0), (0.6, 9.0))):
        assert not [words for words in printed(others, 200) if "check" in words]


def test_the_decisions_of_a_front_of_one_are_in_its_table() -> None:
    (_, _, heading, _, row, *rest) = printed(made_of((0.5, 9.0), (0.4, 9.5)), 200)
    assert heading == ["trial", "accuracy", "latency_ms", "a"]
    assert row == ["0", "0.5", "9", "0"]
    assert not any(rest)
