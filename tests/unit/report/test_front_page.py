"""The report of searches with several objectives, in a real browser: the front in place of a best candidate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from evonas.errors import EvonasError
from evonas.recorded.comparing import check_comparable
from evonas.recorded.preference import parse_preference, prefer
from evonas.recorded.search import RecordedSearch
from evonas.report.front_view import view_front
from evonas.report.html import render_report
from evonas.sources.journal import JournalSource
from tests.browser import visit
from tests.unit.search.fronts import THREE, TWO, write_front

Folder = Path


def page_of(folder: Path, records: Sequence[RecordedSearch]) -> Path:
    page = folder / "report.html"
    page.write_text(render_report(records, price=2.5))
    return page


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    limited = [
        {**TWO[0], "target": 0.9, "constraints": [{"metric": "parameters", "max": 9000}]},
        {**TWO[1], "reference": 15},
    ]
    folder = tmp_path_factory.mktemp("front")
    return write_front(folder, "two", objectives=limited, confirm={"top": 2, "repeats": 3})


@pytest.fixture(scope="module")
def record(run: Path) -> RecordedSearch:
    return JournalSource(run).read()


@pytest.fixture(scope="module")
def report(run: Path, record: RecordedSearch) -> Path:
    return page_of(run.parent, [record])


def test_the_front_is_drawn_and_listed(report: Path, record: RecordedSearch) -> None:
    front = record.totals.front
    with visit(report) as seen:
        assert (seen.complaints, seen.requests) == ([], [])
        part = seen.page.locator(".fronts")
        assert part.locator("circle.front").count() == len(front)
        rows = part.locator("table.front tr")
        assert rows.count() == len(front) + 1
        listed = [int(row.locator("td").first.inner_text()) for row in rows.all()[1:]]
        assert listed == [trial.index for trial in front.members]
        assert part.locator(".bars").count() == len(record.totals.confirmations) == 2
        knee = prefer(record, parse_preference("knee"))
        assert part.locator("tr.winner td").first.inner_text() == str(knee.index)
        assert part.locator(".ring").count() == 2
        text = seen.page.inner_text("body")
        assert f"Hypervolume {front.hypervolume:.6g}, measured from accuracy" in text
        assert "latency_ms 15." in text
        assert "Best candidate" not in text
        assert "target 0.9" in part.locator("svg").first.text_content()  # type: ignore[operator]


def test_what_is_behind_the_front_is_counted_whole(record: RecordedSearch) -> None:
    view = view_front(record, None)
    results = [trial for trial in record.trials if trial.reward is not None and not trial.is_confirmation]
    assert view.size + sum(count for _, count in view.shades) + view.worse == len(results)
    assert all(one > other for (one, _), (other, _) in pairwise(view.shades))
    assert view.worse > 0
    assert view.infeasible == sum(trial.state == "Infeasible" for trial in record.trials) > 0


def test_the_hypervolume_is_drawn_over_trials_and_hours_against_random_candidates(report: Path) -> None:
    with visit(report) as seen:
        over_trials, over_hours = seen.page.locator("#curves figure").all()
        assert over_trials.locator("polyline.line").count() == 2
        assert over_trials.locator(".band").count() == 1
        assert over_hours.locator("polyline.line").count() == 1
        heights = [
            float(point.split(",")[1])
            for point in (over_trials.locator("polyline.series-0").get_attribute("points") or "").split()
        ]
        # It never shrinks; below is more on a screen.
        assert heights == sorted(heights, reverse=True)
        assert len(heights) == 60


def test_every_objective_has_what_matters_means_and_what_was_added(report: Path, record: RecordedSearch) -> None:
    with visit(report) as seen:
        heads = seen.page.locator(".importance th").all_inner_texts()
        assert heads[1::2] == ["accuracy", "latency_ms"]
        assert "mean latency_ms" in seen.page.locator(".origins tr").first.inner_text()
        rows = seen.page.locator(".improvements tr").all()[1:]
        members = {trial.index for trial in record.totals.front.members}
        said = {int(row.locator("td").first.inner_text()): row.locator("td").last.inner_text() for row in rows}
        assert {index for index, state in said.items() if state == "on the front"} == members
        merits = {line.get_attribute("style") for line in seen.page.locator(".parallel polyline.candidate").all()}
        assert "--merit: 100%" in merits


@pytest.mark.parametrize(
    ("objectives", "figures"), [(THREE, 3), ([*THREE, {"metric": "parameters", "goal": "Minimize"}], 6)]
)
def test_more_objectives_are_shown_in_pairs(tmp_path: Path, objectives: object, figures: int) -> None:
    page = page_of(tmp_path, [JournalSource(write_front(tmp_path, "more", objectives=objectives)).read()])
    with visit(page, width=390) as seen:
        assert seen.page.locator(".fronts figure").count() == figures
        assert seen.page.locator(".fronts .steps").count() == 0
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert "two of the objectives" in seen.page.inner_text(".fronts")


def test_several_searches_are_measured_from_one_reference(tmp_path: Path) -> None:
    records = [
        JournalSource(write_front(tmp_path, "one", seed=1)).read(),
        JournalSource(write_front(tmp_path, "two", seed=2)).read(),
        JournalSource(write_front(tmp_path, "other", seed=3, agent={"type": "Random"})).read(),
    ]
    with visit(page_of(tmp_path, records)) as seen:
        over_trials, fronts = seen.page.locator("#curves figure").all()
        assert over_trials.locator("polyline.line").count() == 2
        assert fronts.locator("polyline.line").count() == 3
        worst = [max(trial.metrics["latency_ms"] for trial in each.trials if trial.metrics) for each in records]
        assert f"latency_ms {max(worst):.6g}" in over_trials.inner_text()
        cells = [
            float(row.locator("td").nth(6).inner_text())
            for row in seen.page.locator("table").first.locator("tr").all()[1:]
        ]
        own = [each.totals.front.hypervolume for each in records]
        assert all(cell > volume * 0.99 for cell, volume in zip(cells, own, strict=True))
        assert seen.page.locator("section.search").count() == 3


def test_before_a_result_and_where_all_are_worse_than_a_reference_there_is_a_page(tmp_path: Path) -> None:
    none = JournalSource(write_front(tmp_path, "none", count=0)).read()
    bad = [{**TWO[0], "reference": 0.999}, TWO[1]]
    worse = JournalSource(write_front(tmp_path, "worse", objectives=bad)).read()
    some = JournalSource(write_front(tmp_path, "some")).read()
    assert "There are no results yet" in render_report([none])
    empty = r"The front is empty: all \d+ results are worse than a reference; best accuracy 0\.\d+ \(reference 0\.999\)"
    assert re.search(empty, page := render_report([worse]))
    assert "which no other dominates" not in page
    assert "Front" in render_report([some, none])


def test_searches_with_other_objectives_fit_no_common_picture(tmp_path: Path) -> None:
    two, three = (
        JournalSource(write_front(tmp_path, name, objectives=objectives)).read()
        for name, objectives in (("two", TWO), ("three", THREE))
    )
    check_comparable([two, two])
    with pytest.raises(
        EvonasError, match="the most accuracy and the least latency_ms, the most accuracy and the least"
    ):
        check_comparable([two, three])
