"""Learning curves and what stopping and pausing have saved, on the page of a search with rungs, in a real browser."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evonas.recorded.search import RecordedSearch
from evonas.report.details import describe
from evonas.report.figures.curves import Curve, curve_figure
from evonas.report.groups import group
from evonas.report.html import render_report
from evonas.report.progress import failures
from evonas.report.stopping import StoppingView, view_stopping
from evonas.search.trial import Trial, TrialState
from tests.browser import visit
from tests.unit.search.climbing import TWO, accuracy, climbed_record


@pytest.fixture(scope="module")
def record() -> RecordedSearch:
    found = climbed_record("Random", 60)
    assert of_state(found, TrialState.STOPPED) > 30
    return found


def of_state(record: RecordedSearch, state: TrialState) -> int:
    return sum(trial.state is state for trial in record.trials)


def view(record: RecordedSearch) -> StoppingView:
    found = view_stopping(record, record.totals.best)
    assert found is not None
    return found


def test_page_draws_every_trial_as_far_as_it_got(record: RecordedSearch, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render_report([record]))
    full, stopped = of_state(record, TrialState.SUCCEEDED), of_state(record, TrialState.STOPPED)
    with visit(page) as seen:
        assert seen.complaints == []
        part = seen.page.locator(".stopping")
        assert part.locator("polyline.full").count() == full
        assert part.locator("polyline.cut").count() == stopped
        assert (part.locator("path.ends").get_attribute("d") or "").count("M") == stopped
        assert part.locator("circle.ring").count() == 1
        ticks = part.locator("text.tick[text-anchor=middle]").all()
        places = {tick.text_content(): float(tick.get_attribute("x") or "nan") for tick in ticks}
        # Equal factors are equally far apart.
        across = [places[step] for step in ("1", "3", "9")]
        assert across[1] - across[0] == pytest.approx(across[2] - across[1], abs=0.2)
        for line in part.locator("polyline.full").all():
            assert float((line.get_attribute("points") or "").split()[-1].split(",")[0]) == pytest.approx(across[2])
        text = part.inner_text()
        assert f"{stopped} of 60 trials were stopped by the rule SuccessiveHalving: " in text
        assert f"{full} were trained to the end, step 9." in text
        assert "GPU hours were saved, had each taken as long as the mean full training." in text
        for said in ("of trials that were not stopped have", "that was trained to the end, one axis"):
            assert said in seen.page.inner_text("body")
        heading, row = seen.page.locator("table").first.locator("tr").all()
        cells = dict(zip(heading.locator("th").all_inner_texts(), row.locator("td").all_inner_texts(), strict=True))
        assert cells["stopped"] == str(stopped)


def test_counts_are_those_of_the_record(record: RecordedSearch) -> None:
    found = view(record)
    steps = Counter(trial.rungs[-1].step for trial in record.trials if trial.state is TrialState.STOPPED)
    assert found.counts.at == sorted(steps.items())
    assert (found.counts.full + found.counts.cut, found.others, found.omitted) == (60, 0, 0)
    stopped = [trial for trial in record.trials if trial.state is TrialState.STOPPED]
    full = [trial.gpu_seconds for trial in record.trials if trial.state is TrialState.SUCCEEDED]
    left = len(stopped) * sum(full) / len(full) - sum(trial.gpu_seconds for trial in stopped)
    assert left > 0
    assert found.counts.saved_gpu_hours == pytest.approx(left / 3600)
    # Each has one GPU from its start to its end.
    assert found.counts.saved_hours == pytest.approx(left / 3600, rel=0.01)


def test_every_objective_has_its_curves_and_the_front_is_ringed() -> None:
    record = climbed_record("Random", 30, **TWO)
    found = view(record)
    full = of_state(record, TrialState.SUCCEEDED)
    assert 1 < len(record.totals.front) < full
    for figure, name in zip(found.figures, ("accuracy", "latency_ms"), strict=True):
        assert f"learning curves: {name} at the rungs" in figure
        assert figure.count('class="curve full"') == full
        assert figure.count("<circle") == len(record.totals.front)
    member = record.totals.front.members[0]
    assert f"trial {member.index}: ({member.reward:.6g}, " in found.figures[0]
    text = render_report([record])
    assert text.count("on the front</li>") == 2
    assert "best candidate</li>" not in text.partition('class="stopping"')[2].partition("</div>")[0]


def test_search_without_rungs_has_no_such_part(record: RecordedSearch) -> None:
    spec = {key: value for key, value in record.body["spec"].items() if key != "fidelity"}
    trials = tuple(trial for trial in record.trials if trial.state is not TrialState.STOPPED)
    plain = replace(record, body={**record.body, "spec": spec}, trials=tuple(replace(t, rungs=()) for t in trials))
    text = render_report([plain])
    assert "Stopping early" not in text
    assert ">stopped" not in text
    assert "not stopped" not in text
    assert view_stopping(replace(record, trials=()), None) is None


@pytest.mark.parametrize("fidelity", [None, {"rungs": {"min": 1, "max": 9}, "rule": "None"}], ids=["none", "no rule"])
def test_search_that_stopped_trials_is_compared_with_one_that_stopped_none(
    record: RecordedSearch, tmp_path: Path, fidelity: dict[str, Any] | None
) -> None:
    full = [trial for trial in record.trials if trial.state is not TrialState.STOPPED]
    trials = tuple(full if fidelity else (replace(trial, rungs=()) for trial in full))
    spec = {key: value for key, value in record.body["spec"].items() if key != "fidelity"}
    spec |= {} if fidelity is None else {"fidelity": fidelity}
    page = tmp_path / "report.html"
    page.write_text(render_report([record, replace(record, body={**record.body, "spec": spec}, trials=trials)]))
    with visit(page) as seen:
        assert seen.complaints == []
        rows = [row.split("\t") for row in seen.page.locator("table").first.inner_text().splitlines()]
    column = rows[0].index("stopped")
    assert [row[column] for row in rows[1:]] == [str(of_state(record, TrialState.STOPPED)), "0"]


def test_searches_with_and_without_rungs_are_two_lines(record: RecordedSearch) -> None:
    spec = {**record.body["spec"], "fidelity": {"rungs": {"min": 1, "max": 9}, "rule": "None"}}
    other = replace(record, body={**record.body, "spec": spec})
    assert len(group([record, other])) == 2
    assert len(group([record, record])) == 1


def test_stopped_trials_are_in_no_other_figure_and_are_no_failures(record: RecordedSearch) -> None:
    details = describe(record)
    assert details.results == of_state(record, TrialState.SUCCEEDED)
    assert failures(record) == []
    assert sum(origin.stopped for origin in details.origins) == of_state(record, TrialState.STOPPED)
    assert "Every trial that ended and was not stopped has one." in render_report([record])


def test_page_of_a_search_that_stopped_all_but_a_few_is_whole(tmp_path: Path) -> None:
    few = climbed_record("Random", 12)
    page = tmp_path / "report.html"
    page.write_text(render_report([few]))
    with visit(page, width=390) as seen:
        assert seen.complaints == []
        assert "there are too few results, or all are the same. Stopped trials have none." in seen.page.inner_text(
            "body"
        )
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_diverged_and_unfinished_trials_end_where_they_are(record: RecordedSearch) -> None:
    def curve(trial: Trial, step: int) -> float:
        return math.nan if trial.decisions["wide"] and step > 1 else accuracy(trial, step)

    diverging = climbed_record("Random", 20, curve=curve)
    assert any(rung.value is None for trial in diverging.trials for rung in trial.rungs)
    assert view(diverging).figures
    running = [
        replace(trial, state=TrialState.RUNNING, sequence=None) if trial.state is TrialState.STOPPED else trial
        for trial in record.trials
    ]
    found = view(replace(record, trials=tuple(running)))
    assert found.others == of_state(record, TrialState.STOPPED)
    assert found.counts.cut == 0


def test_no_more_than_a_bounded_number_of_curves_is_drawn(
    record: RecordedSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evonas.report.stopping.MAX_CURVES", 10)
    found = view(record)
    assert found.omitted == 50
    (figure,) = found.figures
    assert figure.count("<polyline") == 10
    assert "ring" in figure


@pytest.mark.parametrize("minimize", [False, True])
def test_one_odd_bad_value_does_not_squash_the_drawing(minimize: bool) -> None:
    sign = -1 if minimize else 1
    curves = [Curve([(1, sign * 0.1 * n), (10, sign * 0.2 * n)], "full", "") for n in range(10)]
    odd = Curve([(1, -sign * 1e9), (10, sign * 1.0)], "full", "")
    best = Curve([(1, sign * 1.0), (10, sign * 50.0)], "full", "")
    figure = curve_figure([*curves, odd, best], [1, 10], minimize=minimize, y_label="y", description="")
    assert "1e+" not in figure
    assert f">{sign * 40}<" in figure


def test_rungs_that_do_not_grow_by_a_factor_are_spread_evenly_by_step() -> None:
    figure = curve_figure(
        [Curve([(10, 0.1), (12, 0.2), (20, 0.3)], "full", "")], [10, 12, 20], minimize=False, y_label="", description=""
    )
    assert "logarithmic" not in figure
    points = figure.partition('points="')[2].partition('"')[0].split()
    first, second, third = (float(point.split(",")[0]) for point in points)
    assert (second - first) / (third - first) == pytest.approx(0.2, abs=0.01)


@pytest.fixture(scope="module")
def pausing() -> RecordedSearch:
    fidelity = {"rungs": {"min": 1, "max": 9, "factor": 3}, "mode": "Pause"}
    found = climbed_record("Random", 60, fidelity=fidelity)
    assert of_state(found, TrialState.PAUSED) > 30
    return found


def test_page_names_paused_trials_and_says_how_often_one_went_on(pausing: RecordedSearch, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    lost = replace(pausing.trials[-1], lost_checkpoints=2)
    page.write_text(render_report([replace(pausing, trials=(*pausing.trials[:-1], lost))]))
    full, paused = of_state(pausing, TrialState.SUCCEEDED), of_state(pausing, TrialState.PAUSED)
    promotions = sum(rung.promoted_after is not None for trial in pausing.trials for rung in trial.rungs)
    with visit(page) as seen:
        assert seen.complaints == []
        part = seen.page.locator(".stopping")
        assert part.locator("polyline.full").count() == full
        assert part.locator("polyline.cut").count() == paused
        text, body = part.inner_text(), seen.page.inner_text("body")
        assert f"{paused} of 60 trials are paused: " in text
        assert f"The rule is SuccessiveHalving; paused trials went on {promotions} times." in text
        assert "GPU hours were saved so far, had each taken as long as the mean full training." in text
        assert "2 of these times the checkpoint was gone" in text
        assert "paused at its last point" in text
        assert "stopped" not in body
        assert "Every trial that ended and is not paused has one." in body
        heading, row = seen.page.locator("table").first.locator("tr").all()
        cells = dict(zip(heading.locator("th").all_inner_texts(), row.locator("td").all_inner_texts(), strict=True))
        assert cells["paused"] == str(paused)
        columns = seen.page.locator("table.origins th").all_inner_texts()
        assert "paused" in columns


def test_what_pausing_saved_leaves_out_the_time_of_the_pauses(pausing: RecordedSearch) -> None:
    found = view(pausing)
    assert (found.counts.full + found.counts.cut, found.others, found.counts.lost_checkpoints) == (60, 0, 0)
    assert found.counts.saved_gpu_hours > 0
    # Each has one GPU while it runs.
    assert found.counts.saved_hours == pytest.approx(found.counts.saved_gpu_hours, rel=0.01)
