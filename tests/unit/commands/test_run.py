"""`evonas run`: what its options change and where that is recorded, and what a terminal shows."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from evonas.local.journal import JOURNAL_FILE
from evonas.report.display import Display
from evonas.sources.journal import JournalSource
from tests.unit.commands.conftest import Evonas
from tests.unit.local.test_resume import COUNTING, write_manifest
from tests.unit.search.simulation import write_run
from tests.unit.search.support import planned


def test_options_replace_the_manifest_and_are_recorded(evonas: Evonas, tmp_path: Path) -> None:
    write_manifest(tmp_path, COUNTING[:-2])
    code, out, err = evonas("run", "search.yaml", "--max-trials", "3", "--parallel-trials", "2", "--seed", "8")
    assert (code, err) == (0, "")
    assert "more about it: evonas report" in out
    record = JournalSource(tmp_path / "runs" / "here").read()
    assert (record.spec.budget.max_trials, record.spec.budget.parallel_trials, record.spec.agent.seed) == (3, 2, 8)
    assert len(record.trials) == 3
    code, _, err = evonas("run", "search.yaml", "--max-trials", "3", "--parallel-trials", "2")
    assert code == 2
    assert err.startswith("error: spec.agent: is immutable")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--parallel-trials", "99"], "spec.budget.parallelTrials"),
        (["--max-trials", "1000000"], "spec.budget.maxTrials"),
    ],
)
def test_options_are_checked_as_the_manifest_is(evonas: Evonas, tmp_path: Path, options: list[str], field: str) -> None:
    write_manifest(tmp_path)
    code, _, err = evonas("run", "search.yaml", *options)
    assert code == 2
    assert err.startswith(f"error: {field}: ")
    assert not (tmp_path / "runs" / "here" / JOURNAL_FILE).exists()


def test_a_terminal_shows_best_average_and_time_left(tmp_path: Path) -> None:
    record = JournalSource(write_run(tmp_path, "one")).read()
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    with Display(record.spec, console, record.trials) as display:
        display.on_plan(planned(record.trials, spec=record.spec))
        display.on_record(record.trials[0])
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    best = record.totals.best
    assert best is not None
    for part in (f"accuracy {best.reward:.6g} (trial {best.index})", "average", "about 0:00:00", "30/30"):
        assert part in shown, shown


def test_a_file_gets_one_line_a_trial(tmp_path: Path) -> None:
    record = JournalSource(write_run(tmp_path, "one", count=6)).read()
    console = Console(file=io.StringIO(), width=200)
    with Display(record.spec, console, ()) as display:
        for trial in record.trials:
            display.on_record(trial)
            display.on_plan(planned(record.trials, spec=record.spec))
    assert isinstance(console.file, io.StringIO)
    assert len(console.file.getvalue().splitlines()) == 6
