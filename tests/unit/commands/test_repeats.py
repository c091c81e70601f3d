"""What people see of a search that trains its leaders again: its status, `best`, `explain`, `watch` and the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from evonas.recorded.search import RecordedSearch
from evonas.report.live import progress_view
from evonas.search.recommendation import Recommended, recommend
from evonas.sources.journal import read_run
from tests.unit.commands.conftest import Evonas
from tests.unit.search.simulation import write_run


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RecordedSearch:
    return read_run(write_run(tmp_path_factory.mktemp("runs"), "noisy", agent="EvoNAS", count=120))


@pytest.fixture(scope="module")
def recommended(record: RecordedSearch) -> Recommended:
    found = recommend(record.spec, record.totals)
    assert found is not None
    return found


def test_best_is_the_recommended_candidate_with_what_is_known_of_it(
    evonas: Evonas, record: RecordedSearch, recommended: Recommended
) -> None:
    code, out, err = evonas("best", record.source)
    assert code == 0
    assert json.loads(out) == dict(recommended.trial.decisions)
    said = f"recommended: trial {recommended.index}: mean {recommended.mean:.6g} of {recommended.runs} run"
    assert err.startswith(said)
    assert f"expected {recommended.expected:.6g} ± {recommended.deviation:.3g}" in err
    assert evonas("best", record.source, "--trial", "0")[2].startswith("trial 0 with")


def test_explain_says_what_is_repeated_and_what_it_had(evonas: Evonas, record: RecordedSearch) -> None:
    repeat = next(trial for trial in record.trials if trial.is_repeat)
    first = record.trial(repeat.candidate)
    assert first is not None
    assert first.reward is not None
    code, out, _ = evonas("explain", record.source, str(repeat.index))
    assert code == 0
    text = " ".join(out.split())
    assert f"origin: repeat of trial {first.index}, whose candidate may be the best" in text
    assert f"that reward was {first.reward:.6g}; the repeat has another seed" in text
    assert "considered" not in text
    assert "first choice" not in text


def test_explain_ranks_a_parent_that_was_repeated_by_its_mean(evonas: Evonas, record: RecordedSearch) -> None:
    known: dict[int, int] = {}
    for trial in record.trials:
        if trial.is_repeat and trial.reward is not None:
            known.setdefault(trial.candidate, trial.sequence or 0)
    children = [
        trial
        for trial in record.trials
        if trial.proposal.parent in known
        and trial.proposal.observed_up_to >= known[trial.proposal.parent]
        and not trial.is_repeat
    ]
    out = evonas("explain", record.source, str(children[-1].index))[1]
    assert f"of trial {children[-1].proposal.parent}, which had a mean of" in " ".join(out.split())


def test_replay_derives_the_repeats_too(evonas: Evonas, record: RecordedSearch) -> None:
    code, out, err = evonas("replay", record.source)
    assert code == 0, out + err


def test_the_live_view_and_the_report_show_what_is_expected(
    evonas: Evonas, record: RecordedSearch, recommended: Recommended, tmp_path: Path
) -> None:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(progress_view(record.spec, record.totals, record.trials, None))
    assert f"(trial {recommended.index}, {recommended.runs} run" in capture.get()
    page = tmp_path / "report.html"
    assert evonas("report", record.source, "--output", str(page))[0] == 0
    text = " ".join(page.read_text(encoding="utf-8").split())
    assert f"Its candidate, that of trial {recommended.index}, was trained {recommended.runs} time" in text
