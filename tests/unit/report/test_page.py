"""The HTML report in a real browser: drawn, complete, quiet, without a network, on a phone, in the dark."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator

from evonas.errors import EvonasError
from evonas.recorded import policy_history
from evonas.recorded.pareto import default_axes, trade_off
from evonas.recorded.search import RecordedSearch
from evonas.report.html import render_report
from evonas.sources.journal import JournalSource
from tests.browser import visit
from tests.unit.search.simulation import SPACE, write_run

DRAWN = """
[...document.querySelectorAll('svg')].map(svg => ({
  box: svg.getBoundingClientRect().toJSON(),
  marks: [...svg.querySelectorAll('polyline, polygon')].map(mark => mark.getTotalLength()),
  labels: [...svg.querySelectorAll('text')].map(text => text.textContent),
}))
"""


LIMIT = {"metric": "latency_ms", "max": 12}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two agents, the first with two seeds."""
    folder = tmp_path_factory.mktemp("report")
    runs = [
        write_run(folder, "one", seed=1, agent="EvoNAS"),
        write_run(folder, "two", seed=2, agent="EvoNAS"),
        write_run(folder, "three", constraints=[LIMIT]),
    ]
    page = folder / "report.html"
    page.write_text(render_report([JournalSource(run).read() for run in runs], price=2.5))
    return page


def test_every_plot_is_drawn_and_nothing_is_asked_for_or_complained_about(report: Path) -> None:
    with visit(report) as seen:
        drawn: list[dict[str, Any]] = seen.page.evaluate(DRAWN)
        assert seen.complaints == []
        assert seen.requests == []
        # Two curves; for each search its decisions and the parallel coordinates; two policies that learn, each with its
        # ratios and its decisions; the third search has a constraint.
        assert len(drawn) == 2 + 3 * (len(SPACE) + 1) + 2 * (1 + len(SPACE)) + 1
        for figure in drawn:
            assert figure["box"]["width"] > 150
            assert figure["box"]["height"] > 80
            assert figure["marks"]
            assert all(length > 10 for length in figure["marks"])
            assert len(figure["labels"]) >= 4
        legend = seen.page.locator("body > .legend li").all_inner_texts()
        assert legend == ["EvoNAS (2 runs)", "three"]
        assert seen.page.locator("#curves .band").count() == 2
        assert seen.page.locator("section.search").count() == 3


def test_what_a_search_is_told_about_is_on_the_page(report: Path) -> None:
    record = JournalSource(report.parent / "one").read()
    best = record.totals.best
    assert best is not None
    with visit(report) as seen:
        section = seen.page.locator("section.search").first
        text = section.inner_text()
        assert f"Trial {best.index} with accuracy {best.reward:.6g}." in text
        assert section.locator(".importance tr").count() == len(SPACE)
        assert section.locator(".failures tr").count() == 3
        # 30 trials of 360 s on a GPU, at 2.5 an hour.
        assert "3.00 GPU hours" in text
        assert "which cost 7.50 at 2.5 per GPU hour" in text
        assert section.locator(".improvements tr").last.locator("td").first.inner_text() == str(best.index)
        section.locator("summary").last.click()
        assert "kind: ArchitectureSearch" in section.locator("pre").inner_text()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read_by_day_and_by_night(report: Path, dark: bool) -> None:
    with visit(report, dark=dark) as seen:
        ground, text, label = (
            _luminance(seen.page.evaluate(f"getComputedStyle(document.querySelector('{of}')).{what}"))
            for of, what in (("body", "backgroundColor"), ("body", "color"), ("svg .tick", "fill"))
        )
        assert (ground < 0.2) == dark
        for colour in (text, label):
            # WCAG 2.2, success criterion 1.4.3.
            assert (max(colour, ground) + 0.05) / (min(colour, ground) + 0.05) >= 4.5


def test_a_phone_need_not_be_moved_sideways(report: Path) -> None:
    with visit(report, width=390) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_is_cut_off_casts_a_shadow_until_it_is_reached(report: Path) -> None:
    with visit(report, width=390) as seen:
        parts = seen.page.locator(".scroll")
        cut = [part for part in parts.all() if part.evaluate("it => it.scrollWidth - it.clientWidth") > 60]
        assert any(part.locator("table").count() for part in cut)
        assert any(part.locator("svg").count() for part in cut)
        for part in cut:
            part.evaluate("it => it.scrollTo(0, 0)")
            assert _shadows(part) == (False, True)
            part.evaluate("it => it.scrollTo(it.scrollWidth, 0)")
            assert _shadows(part) == (True, False)
        whole = [part for part in parts.all() if part.evaluate("it => it.scrollWidth == it.clientWidth")]
        assert all(_shadows(part) == (False, False) for part in whole[:3])


def _shadows(part: Locator) -> tuple[bool, bool]:
    """Return whether the background differs at the left and the right edge from what it is in the middle of them."""
    # Nothing of the content, and no round corner, may be taken for a shadow.
    style = ".scroll > * { visibility: hidden; } .scroll { border-radius: 0 !important; }"
    picture = Image.open(io.BytesIO(part.screenshot(style=style))).convert("L")
    middle = picture.height // 2
    ground = picture.getpixel((picture.width // 2, middle))
    left, right = (picture.getpixel((across, middle)) for across in (1, picture.width - 2))
    return left != ground, right != ground


def test_counts_have_no_fractional_ticks(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render_report([JournalSource(write_run(tmp_path, "few", count=5, agent="EvoNAS")).read()]))
    with visit(page) as seen:
        figures = seen.page.locator("#curves svg, figure.decision svg")
        below = figures.locator(".tick[text-anchor=middle]").all_text_contents()
        assert figures.count() > len(SPACE)
        assert below
        assert [label for label in below if not label.isdecimal()] == []


def test_an_axis_says_what_it_measures(report: Path) -> None:
    with visit(report) as seen:
        figures = seen.page.locator("section.search").first.locator("figure.decision").first.locator("svg").all()
        labels = [figure.locator(".label").all_text_contents() for figure in figures]
        assert labels == [["results", "share of results"], ["results", "policy's probability"]]


def test_gpu_hours_are_told_where_gpus_were_asked_for_alone(tmp_path: Path) -> None:
    record = JournalSource(write_run(tmp_path, "free", agent="EvoNAS")).read()
    without = replace(record, trials=tuple(replace(trial, gpu_seconds=0) for trial in record.trials))
    limits = {"resources": {"limits": {"nvidia.com/gpu": 1}}}
    page = tmp_path / "report.html"

    def text_of(record: RecordedSearch) -> str:
        page.write_text(render_report([record], price=2.5))
        with visit(page) as seen:
            return seen.page.inner_text("body")

    text = text_of(without)
    assert "GPU hour" not in text
    assert "hours of trials, which asked for no GPU." in text
    assert "hours of trials until then" in text
    # Asked for, and not yet had.
    asking = json.loads(json.dumps(record.body))
    asking["spec"]["trial"]["template"]["spec"]["containers"][0] |= limits
    assert "0.00 GPU hours and" in text_of(replace(without, body=asking))
    assert "GPU hours until then" in text_of(record)


def test_the_name_of_the_only_search_is_said_once(tmp_path: Path) -> None:
    record = replace(JournalSource(write_run(tmp_path, "solitary")).read(), source="elsewhere")
    page = tmp_path / "report.html"
    page.write_text(render_report([record]))
    with visit(page) as seen:
        assert seen.page.title() == "solitary"
        assert seen.page.inner_text("body").count("solitary") == 1
        levels = seen.page.locator("h1, h2, h3").evaluate_all("all => all.map(it => it.tagName)")
        assert levels == ["H1", *["H2"] * (len(levels) - 1)]


def _luminance(colour: str) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(channel) / 255) for channel in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_what_users_write_is_text_and_never_markup(tmp_path: Path) -> None:
    run = write_run(tmp_path, "odd", count=8)
    journal = run / "journal.jsonl"
    search, *trials = map(json.loads, journal.read_text().splitlines())
    search["spec"]["objective"]["metric"] = "<b>accuracy</b>"
    search["spec"]["searchSpace"][2]["values"] = ["<script>alert(1)</script>", "'\"&"]
    for trial in trials:
        decisions = trial["spec"]["decisions"]
        decisions["wide"] = search["spec"]["searchSpace"][2]["values"][not decisions["wide"]]
        if trial["status"]["state"] == "Failed":
            trial["status"]["message"] = "<img src=x onerror=alert(1)>"
    journal.write_text("".join(json.dumps(body) + "\n" for body in (search, *trials)))
    page = run / "report.html"
    page.write_text(render_report([JournalSource(run).read()], price=None))
    with visit(page) as seen:
        assert seen.complaints == []
        assert seen.page.locator("script, img, b").count() == 0
        text = seen.page.inner_text("body")
        for said in ("<script>alert(1)</script>", "<b>accuracy</b>", "<img src=x onerror=alert(1)>"):
            assert said in text


def test_candidates_are_drawn_in_two_metrics_and_the_front_is_listed(report: Path) -> None:
    record = JournalSource(report.parent / "three").read()
    axes = default_axes(record.spec.objective)
    assert axes is not None
    found = trade_off(record.trials, axes)
    assert found.front
    assert found.infeasible
    with visit(report) as seen:
        part = seen.page.locator(".tradeoff")
        assert part.count() == 1
        text = part.inner_text()
        assert "More accuracy and less latency_ms are better. Hard limits: latency_ms ≤ 12." in text
        assert part.locator("circle.front").count() == len(found.front)
        assert part.locator("circle.ring").count() == 1
        assert part.locator("line.limit.hard").count() == 1
        dots, crosses = (part.locator(f"path.{name}").get_attribute("d") or "" for name in ("dominated", "infeasible"))
        assert dots.count("M") == len(found.dominated)
        assert crosses.count("M") == len(found.infeasible)
        listed = part.locator("table.front tr td:first-child").all_inner_texts()
        assert listed == [str(trial.index) for trial in found.front]
        dotted = part.locator("path.dominated").evaluate("dots => getComputedStyle(dots).strokeLinecap")
        assert dotted == "round"


def test_any_two_metrics_may_be_asked_for(tmp_path: Path) -> None:
    record = JournalSource(write_run(tmp_path, "free")).read()
    page = tmp_path / "report.html"
    page.write_text(render_report([record], metrics=("latency_ms:max", "accuracy:min")))
    with visit(page) as seen:
        assert seen.complaints == []
        assert "More latency_ms and less accuracy are better." in seen.page.inner_text(".tradeoff")
    with pytest.raises(EvonasError, match="no trial reported a metric 'size', only accuracy, latency_ms"):
        render_report([record], metrics=("size:min", "accuracy"))


def test_policy_is_drawn_below_what_the_results_have(report: Path) -> None:
    with visit(report) as seen:
        first, _, third = seen.page.locator("section.search").all()
        assert first.locator("figure.decision svg").count() == 2 * len(SPACE)
        assert third.locator("figure.decision svg").count() == len(SPACE)
        assert "The policy is derived again from the record" in first.inner_text()
        assert "policy" not in third.inner_text()


def test_a_policy_that_cannot_be_derived_is_said_to_be_unknown(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_history, "MAX_RESULTS", 5)
    page = report.with_name("unknown.html")
    page.write_text(render_report([JournalSource(report.parent / "one").read()]))
    with visit(page) as seen:
        assert "How the policy's probabilities changed is not known: the record has" in seen.page.inner_text("body")
        assert seen.page.locator("figure.decision svg").count() == len(SPACE)


def test_search_with_next_to_no_results_is_a_page_too(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render_report([JournalSource(write_run(tmp_path, "new", count=1)).read()], price=None))
    with visit(page) as seen:
        assert seen.complaints == []
        assert "there are too few results" in seen.page.inner_text("body")
