"""Trials that are stopped at rungs on this machine, by a real `evonas run` with real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evonas.local.journal import read_journal
from evonas.local.locks import is_locked
from evonas.search.trial import Trial, TrialState
from harness.waiting import wait_for
from tests.unit.local.runs import COUNTING, evonas, recorded, write_manifest

FIDELITY = {"rungs": {"min": 1, "max": 9, "factor": 3}}
SLOWLY = (*COUNTING, "--seconds", "2.7")


def write_search(folder: Path, command: tuple[str, ...] = SLOWLY, **spec: Any) -> Path:
    budget = {"maxTrials": 12, "parallelTrials": 3}
    return write_manifest(folder, "here", command, **{"fidelity": FIDELITY, "budget": budget, **spec})


def running(folder: Path) -> list[Path]:
    return [lock for lock in (folder / "runs" / "here" / "trials").rglob("lock") if is_locked(lock)]


def test_hopeless_trials_end_at_their_rung_and_nothing_of_them_runs_on(tmp_path: Path) -> None:
    said = evonas(tmp_path, "run", str(write_search(tmp_path)))
    trials = recorded(tmp_path, "here")
    stopped = [trial for trial in trials if trial.state is TrialState.STOPPED]
    assert len(stopped) >= 4
    assert {trial.state for trial in trials} == {TrialState.STOPPED, TrialState.SUCCEEDED}
    assert all(trial.rungs[-1].step in (1, 3) and trial.attempts[-1].reason == "Stopped" for trial in stopped)
    assert f"{len(stopped)} stopped" in said
    assert running(tmp_path) == []
    # They were ended, and not only called so.
    logs = [tmp_path / "runs" / "here" / "trials" / f"{trial.index:05d}" / "attempt-1" for trial in stopped]
    assert not any((log / "report.json").exists() for log in logs)


def test_program_without_the_helper_is_stopped_by_its_progress_file(tmp_path: Path) -> None:
    script = """
    for step in 1 2 3 4 5 6 7 8 9; do
      reward=0.$((1000 + EVONAS_D_A1 * 100 + EVONAS_D_A2 * step))
      printf '{"step": %s, "reward": %s}' $step $reward > $EVONAS_PROGRESS_FILE.new
      mv $EVONAS_PROGRESS_FILE.new $EVONAS_PROGRESS_FILE
      sleep 0.4
    done
    printf '{"reward": %s}' $EVONAS_D_A1 > $EVONAS_REPORT_FILE
    """
    evonas(tmp_path, "run", str(write_search(tmp_path, ("sh", "-c", script))))
    assert any(trial.state is TrialState.STOPPED for trial in recorded(tmp_path, "here"))


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(lambda trials: any(trial.rungs for trial in trials), id="a rung was recorded"),
        pytest.param(
            lambda trials: any(trial.state is TrialState.STOPPED for trial in trials), id="a trial was stopped"
        ),
    ],
)
def test_killed_run_goes_on_with_the_same_decisions(tmp_path: Path, moment: Callable[[list[Trial]], bool]) -> None:
    manifest = write_search(tmp_path)
    journal = tmp_path / "runs" / "here" / "journal.jsonl"
    command = [sys.executable, "-m", "evonas", "run", str(manifest), "--runs", str(tmp_path / "runs")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for("that moment", lambda: _begun(journal) and moment(read_journal(journal)[1]))
        process.send_signal(signal.SIGKILL)
    before = {trial.index: trial for trial in read_journal(journal)[1]}
    evonas(tmp_path, "run", str(manifest))
    after = {trial.index: trial for trial in recorded(tmp_path, "here")}
    assert len(after) == 12
    for index, trial in before.items():
        assert after[index].rungs[: len(trial.rungs)] == trial.rungs
        assert not trial.state.is_final or after[index] == trial
    assert running(tmp_path) == []


def test_trial_that_a_killed_run_had_yet_to_stop_is_stopped_by_the_next(tmp_path: Path) -> None:
    # A trial that hangs after its first rung, recorded as stopped while its process was still there.
    script = 'printf \'{"step": 1, "reward": 1}\' > $EVONAS_PROGRESS_FILE; exec sleep 600'
    manifest = write_search(tmp_path, ("sh", "-c", script), budget={"maxTrials": 1, "parallelTrials": 1})
    journal = tmp_path / "runs" / "here" / "journal.jsonl"
    command = [sys.executable, "-m", "evonas", "run", str(manifest), "--runs", str(tmp_path / "runs")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for("its rung", lambda: _begun(journal) and any(trial.rungs for trial in read_journal(journal)[1]))
        process.send_signal(signal.SIGKILL)
    assert len(running(tmp_path)) == 1
    *_, last = journal.read_text().splitlines()
    stopped = last.replace('"state": "Running"', '"state": "Stopped", "reason": "Median"').replace(
        '"status": {', '"status": {"sequence": 1, "completionTime": "2026-01-01T00:00:00Z", '
    )
    journal.write_text(journal.read_text() + stopped + "\n")
    evonas(tmp_path, "run", str(manifest), code=1)
    assert running(tmp_path) == []


@pytest.mark.parametrize(
    "leave",
    [
        "mkdir {}",
        "ln -s {} {}",
        "mkfifo {}",
        "head -c 30000000 /dev/zero > {}",
        'printf \'{{"step": 1, "rungs": {{"%05000d": {{}}}}}}\' 1 > {}',
    ],
    ids=["a folder", "a loop of links", "a pipe", "thirty megabytes", "a rung of 5000 digits"],
)
def test_whatever_a_trial_leaves_in_place_of_its_files_only_its_own_result_suffers(tmp_path: Path, leave: str) -> None:
    progress, report = (leave.replace("{}", file) for file in ("$EVONAS_PROGRESS_FILE", "$EVONAS_REPORT_FILE"))
    script = f"{progress.replace('{{', '{').replace('}}', '}')}; sleep 0.3; [ $EVONAS_INDEX = 1 ] && {report} || "
    script += "printf '{\"reward\": 1}' > $EVONAS_REPORT_FILE"
    manifest = write_search(tmp_path, ("sh", "-c", script), budget={"maxTrials": 2, "parallelTrials": 2})
    said = evonas(tmp_path, "run", str(manifest))
    assert "spec.fidelity has had no effect" in said
    good, bad = recorded(tmp_path, "here")
    assert good.state is TrialState.SUCCEEDED
    assert bad.state is TrialState.FAILED or bad.reward == 1


def _begun(journal: Path) -> bool:
    return journal.exists() and b"\n" in journal.read_bytes()
