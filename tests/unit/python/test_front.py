"""A search with several objectives as Python sees it: its front, and what a notebook shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas.errors import EvonasError
from evonas.local.journal import open_journal
from evonas.recorded.fronts import find_standings, points_of, results_of
from evonas.recorded.preference import parse_preference, prefer
from evonas.sources.journal import JournalSource
from tests.browser import visit
from tests.unit.search.fronts import THREE, front_body, write_front
from tests.unit.search.simulation import write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fronts")
    write_front(folder, "two")
    write_front(folder, "three", objectives=THREE, count=120)
    write_run(folder, "single")
    open_journal(folder / "empty", front_body("empty")).close()
    return folder


@pytest.mark.parametrize("name", ["two", "three"])
def test_the_result_is_the_front(folder: Path, name: str) -> None:
    result, record = evonas.open(folder / name), JournalSource(folder / name).read()
    front = record.totals.front
    assert [trial.index for trial in result.front] == [member.index for member in front.members]
    assert [(*trial.objectives.values(),) for trial in result.front] == front.values
    assert {trial.rank for trial in result.front} == {0}
    assert result.hypervolume == front.hypervolume
    assert f"{len(front)} trials on the front, hypervolume {front.hypervolume:.6g}" in repr(result)
    results = results_of(record.trials)
    ranks = find_standings(record.spec.objectives, points_of(record.spec.objectives, results)).tolist()
    assert {trial.index: trial.rank for trial in result.trials if trial.rank is not None} == {
        trial.index: rank for trial, rank in zip(results, ranks, strict=True)
    }


def test_who_asks_for_the_best_is_told_of_the_front_and_of_picking(folder: Path) -> None:
    result = evonas.open(folder / "two")
    for name in ("best", "recommended"):
        with pytest.raises(EvonasError, match=r"two has several objectives.*\.front.*\.pick\(\"knee\"\)"):
            getattr(result, name)


@pytest.mark.parametrize("rule", ["knee", "max:accuracy", "accuracy>=0.8,min:latency_ms"])
def test_a_rule_picks_from_the_front_as_the_command_does(folder: Path, rule: str) -> None:
    picked = evonas.open(folder / "two").pick(rule)
    assert picked.index == prefer(JournalSource(folder / "two").read(), parse_preference(rule)).index
    assert picked.rank == 0


def test_a_rule_that_nothing_meets_says_what_comes_nearest(folder: Path) -> None:
    with pytest.raises(EvonasError, match="accuracy>=2"):
        evonas.open(folder / "two").pick("accuracy>=2,min:latency_ms")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("nope>=1,knee", "no trial reported a metric 'nope', only accuracy"),
        ("knee,accuracy>=0.5", "pick('knee,accuracy>=0.5'): the choice comes last; write accuracy>=0.5,knee"),
        (None, "pick: needs a rule, such as 'knee' or 'accuracy>=0.92,min:latency_ms', got None"),
    ],
)
def test_a_wrong_rule_is_told_in_the_words_of_python(folder: Path, rule: Any, said: str) -> None:
    with pytest.raises(EvonasError) as wrong:
        evonas.open(folder / "two").pick(rule)
    assert str(wrong.value).startswith(said)
    assert "--" not in str(wrong.value)


def test_a_table_has_a_column_of_each_objective(folder: Path) -> None:
    frame = evonas.open(folder / "three").trials.to_pandas()
    assert list(frame.columns[8:12]) == ["rank", "objectives.accuracy", "objectives.latency_ms", "objectives.energy_mj"]
    assert (frame["rank"] == 0).sum() == len(evonas.open(folder / "three").front)
    assert frame.loc[frame["state"] == "Failed", "objectives.accuracy"].isna().all()


def test_with_a_single_objective_nothing_is_different(folder: Path) -> None:
    result = evonas.open(folder / "single")
    assert result.best is not None
    assert [trial.index for trial in result.front] == [result.best.index]
    assert result.hypervolume is None
    assert not {"rank", "objectives.accuracy"} & {*result.trials.to_pandas().columns}
    assert result.pick("max:accuracy").index == result.best.index


def test_before_the_first_result_there_is_nothing(folder: Path) -> None:
    result = evonas.open(folder / "empty")
    assert (len(result.front), result.hypervolume) == (0, None)
    assert "no result yet" in repr(result)
    assert "There are no results yet." in result._repr_html_()
    assert list(result.trials.to_pandas().columns[8:]) == ["rank", "objectives.accuracy", "objectives.latency_ms"]


@pytest.mark.parametrize("name", ["two", "three"])
def test_a_notebook_shows_the_front_and_how_it_grew(folder: Path, tmp_path: Path, name: str) -> None:
    result = evonas.open(folder / name)
    page = tmp_path / "shown.html"
    shown = [result._repr_html_(), result.trials._repr_html_(), result.front[0]._repr_html_()]
    page.write_text(f'<meta charset="utf-8">{"".join(shown)}')
    with visit(page) as seen:
        search, trials, trial = seen.page.locator(".evonas").all()
        assert f"{len(result.front)} on the front" in search.inner_text()
        assert search.locator("svg").count() == 2
        # Of three objectives, some of the front are behind others in the two that are drawn.
        assert 0 < search.locator("svg circle.front").count() <= len(result.front)
        assert search.locator("table tr").count() == 1 + min(10, len(result.front))
        for shows in (search, trials):
            assert "latency_ms" in shows.locator("tr").first.inner_text()
        assert "0, on the front" in trial.inner_text()


def test_the_picture_has_the_front_and_the_hypervolume(folder: Path) -> None:
    left, right = evonas.open(folder / "three").plot().axes
    assert left.get_title() == "Front in accuracy and latency_ms\nnot shown: energy_mj"
    assert right.get_title() == "Hypervolume"
    assert left.get_ylabel() == "accuracy (more is better)"
    assert left.get_xlabel() == "latency_ms (less is better)"
