"""The live page's charts in the report: the same data as the API's, one file that asks for nothing, figures without
scripts, and text that stays text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from evonas.report import charts, html
from evonas.report.charts import Charts, built_charts, columns_of
from evonas.report.html import MAX_DETAILED, render_report, save_report
from evonas.sources.journal import JournalSource
from evonas.ui.views.columns import columns
from harness.fixtures import skipping
from tests import built_page
from tests.browser import chromium, visit
from tests.unit.search.fronts import write_front
from tests.unit.search.simulation import write_run

LIMIT = {"metric": "latency_ms", "max": 12}


@pytest.fixture(scope="module")
def built() -> Charts:
    with skipping():
        built_page.build()
    found = built_charts()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("charts"), "one", agent="EvoNAS", constraints=[LIMIT])


def test_the_report_has_the_columns_of_the_api(run: Path) -> None:
    trials = JournalSource(run).read().trials
    found = columns_of(trials, ())
    expected = columns(trials).model_dump(by_alias=True)
    assert {name: found[name] for name in found if name != "says"} == {
        name: expected[name] for name in found if name != "says"
    }


def test_charts_take_the_place_of_figures_and_ask_for_nothing(
    built: Charts, run: Path, tmp_path: Path, browser: Browser
) -> None:
    page = tmp_path / "report.html"
    save_report([JournalSource(run).read()], page, price=None, metrics=None)
    with visit(page, within=browser) as seen:
        for place in ("#curves", ".tradeoff figure", ".parallel", ".cost"):
            expect(seen.page.locator(place).locator("visible=true").locator("canvas").first).to_be_visible()
        assert seen.page.locator("#curves svg, .tradeoff svg, .parallel svg").count() == 0
        first = seen.page.locator(".figure").first
        first.focus()
        first.press("End")
        first.press("Enter")
        expect(seen.page.get_by_role("dialog")).to_contain_text("accuracy")
        assert (seen.complaints, seen.requests) == ([], [])


def test_several_searches_share_the_curves(built: Charts, run: Path, tmp_path: Path, browser: Browser) -> None:
    page = tmp_path / "report.html"
    records = [JournalSource(run).read(), JournalSource(write_run(tmp_path, "other", agent="Random")).read()]
    save_report(records, page, price=None, metrics=None)
    with visit(page, within=browser) as seen:
        curves = seen.page.locator("#curves .figure")
        expect(curves).to_have_count(2)
        assert "one" in (curves.first.get_attribute("aria-label") or "")
        assert (seen.complaints, seen.requests) == ([], [])


def test_without_scripts_the_figures_are_there(built: Charts, run: Path, tmp_path: Path, browser: Browser) -> None:
    record = JournalSource(run).read()
    page, plain = tmp_path / "report.html", tmp_path / "plain.html"
    page.write_text(render_report([record], charts=built))
    plain.write_text(render_report([record]))
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    counts = []
    for path in (page, plain):
        opened.goto(path.as_uri())
        counts.append((opened.locator("svg").count(), opened.locator("table").count()))
    context.close()
    assert counts[0] == counts[1]
    assert counts[0][0] > 5


def test_what_users_write_stays_text_in_charts_too(built: Charts, run: Path, tmp_path: Path, browser: Browser) -> None:
    search, *trials = map(json.loads, (run / "journal.jsonl").read_text().splitlines())
    hostile = "</script><script>alert(1)</script><!--<script>"
    search["spec"]["objective"]["metric"] = "<b>accuracy</b>"
    for body in trials:
        decisions = body["spec"]["decisions"]
        decisions["wide"] = [hostile, "\u2028'\"&"][not decisions["wide"]]
    search["spec"]["searchSpace"][2]["values"] = [hostile, "\u2028'\"&"]
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "journal.jsonl").write_text("".join(json.dumps(body) + "\n" for body in (search, *trials)))
    page = tmp_path / "report.html"
    page.write_text(render_report([JournalSource(odd).read()], charts=built))
    with visit(page, within=browser) as seen:
        expect(seen.page.locator("#curves canvas").first).to_be_visible()
        # The data, the licences, the script: no other, and no markup that a user wrote.
        assert seen.page.locator("script").count() == 3
        assert seen.page.locator("b").count() == 0
        assert hostile in seen.page.inner_text("body")
        assert (seen.complaints, seen.dialogs) == ([], [])


def test_where_the_page_was_not_built_the_report_has_its_figures(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "files", lambda package: tmp_path / package)
    assert built_charts() is None
    monkeypatch.setattr(html, "built_charts", built_charts)
    page = tmp_path / "report.html"
    save_report([JournalSource(run).read()], page, price=None, metrics=None)
    assert "<script" not in page.read_text()


def test_a_search_with_more_trials_than_a_file_should_hold_keeps_its_figures(
    built: Charts, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "MAX_TRIALS", 3)
    assert "data-search" not in render_report([JournalSource(run).read()], charts=built)


def test_a_front_is_a_chart_and_what_random_candidates_have_stays_a_figure(
    built: Charts, tmp_path: Path, browser: Browser
) -> None:
    record = JournalSource(write_front(tmp_path, "two", confirm={"top": 2, "repeats": 3})).read()
    page = tmp_path / "report.html"
    page.write_text(render_report([record], charts=built))
    with visit(page, within=browser) as seen:
        expect(seen.page.locator(".fronts canvas").locator("visible=true").first).to_be_visible()
        expect(seen.page.locator(".fronts")).to_contain_text("trained again: mean and standard deviation")
        assert seen.page.locator("#curves .band").count() == 1
        assert (seen.complaints, seen.requests) == ([], [])


def test_more_searches_than_are_described_are_compared_by_charts_too(
    built: Charts, tmp_path: Path, browser: Browser
) -> None:
    records = [
        JournalSource(
            write_front(tmp_path, f"run-{seed}", seed=seed, count=20, confirm={"top": seed, "repeats": 1})
        ).read()
        for seed in range(1, MAX_DETAILED + 2)
    ]
    page = tmp_path / "report.html"
    page.write_text(render_report(records, charts=built))
    with visit(page, within=browser) as seen:
        expect(seen.page.locator("#curves canvas").locator("visible=true").first).to_be_visible()
        assert seen.page.locator("section.search").count() == 1
        assert (seen.complaints, seen.requests) == ([], [])
    nothing = JournalSource(write_front(tmp_path, "none", count=0)).read()
    assert "There are no results yet" in render_report([nothing], charts=built)
