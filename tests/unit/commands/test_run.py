"""`evonas run`: what its options change and where that is recorded, and what a terminal shows."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from evonas.local.journal import JOURNAL_FILE, open_journal
from evonas.report.display import Display
from evonas.search.trial import ProposalRecord, RungResult, Trial, TrialState
from evonas.sources.journal import JournalSource
from evonas.space import Value
from tests.unit.commands.conftest import Evonas
from tests.unit.local.test_resume import COUNTING, write_manifest
from tests.unit.search.fronts import write_front
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


def test_a_terminal_shows_the_front_of_several_objectives(tmp_path: Path) -> None:
    record = JournalSource(write_front(tmp_path, "one")).read()
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    with Display(record.spec, console, record.trials) as display:
        display.on_plan(planned(record.trials, spec=record.spec))
    assert isinstance(console.file, io.StringIO)
    shown, front = console.file.getvalue(), record.totals.front
    assert front.latest is not None
    for part in (
        f"{len(front)} trials, hypervolume {front.hypervolume:.6g} (latest: trial {front.latest.index})",
        "60/60",
    ):
        assert part in shown, shown
    assert "best" not in shown


def test_a_file_gets_one_line_a_trial(tmp_path: Path) -> None:
    record = JournalSource(write_run(tmp_path, "one", count=6)).read()
    console = Console(file=io.StringIO(), width=200)
    with Display(record.spec, console, ()) as display:
        for trial in record.trials:
            display.on_record(trial)
            display.on_plan(planned(record.trials, spec=record.spec))
    assert isinstance(console.file, io.StringIO)
    assert len(console.file.getvalue().splitlines()) == 6


def test_run_without_a_success_names_the_log_of_a_failed_trial_rather_than_of_one_that_was_stopped(
    evonas: Evonas, tmp_path: Path
) -> None:
    path = write_manifest(tmp_path, maxTrials=4)
    body = yaml.safe_load(path.read_text())
    body["spec"]["fidelity"] = {"rungs": {"min": 1, "max": 9}}
    path.write_text(yaml.safe_dump(body))
    journal = open_journal(tmp_path / "runs" / "here", body)
    for index in range(4):
        fate: dict[str, Any] = {"state": TrialState.FAILED, "reason": "NonZeroExitCode", "message": "exit code 1"}
        if index != 1:
            rungs = (RungResult(1, 0.1, index + 1),)
            fate = {"state": TrialState.STOPPED, "reason": "SuccessiveHalving", "rungs": rungs, "sequence": index + 1}
        decisions: dict[str, Value] = {f"a{position}": index + 1 for position in (1, 2, 3, 4)}
        journal.write(Trial(index, decisions, ProposalRecord("random", None, (), 0), **fate))
    journal.close()
    code, out, _ = evonas("run", "search.yaml")
    assert code == 1
    said = " ".join(out.split())
    assert "3 Stopped with SuccessiveHalving, 1 Failed with NonZeroExitCode" in said
    assert "; trial 1: exit code 1" in said
    assert "what trial 1 printed: evonas logs " in said
