"""Trials that pause at rungs and go on from their checkpoints, by a real `evonas run` with real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evonas.local.journal import read_journal
from evonas.local.processes.left_progress import PROGRESS_FILE
from evonas.recorded.rungs import difference_at_rungs
from evonas.search.trial import Trial, TrialState
from evonas.spec import SearchSpec
from harness.waiting import wait_for
from tests.unit.local.runs import COUNTING, evonas, recorded, write_manifest

PAUSE = {"rungs": {"steps": [1, 3, 9], "factor": 2}, "mode": "Pause"}


def write_search(folder: Path, *, at_once: int = 1, count: int = 4, is_kept: bool = True) -> Path:
    keeping = ("--checkpoint-dir", str(folder / "checkpoints")) if is_kept else ()
    command = (*COUNTING, "--seconds", "0.9", *keeping)
    budget = {"maxTrials": count, "parallelTrials": at_once}
    return write_manifest(folder, "here", command, fidelity=PAUSE, budget=budget)


def decided(trials: list[Trial]) -> list[tuple[object, ...]]:
    """Return what does not depend on time."""
    return [(t.decisions, t.state, t.reason, t.message, t.reward, t.rungs, t.sequence) for t in trials]


def resumed(folder: Path, trial: Trial) -> list[int]:
    """Return the steps from which the trial's attempts went on."""
    attempts = sorted((folder / "runs" / "here" / "trials" / f"{trial.index:05d}").glob(f"*/{PROGRESS_FILE}"))
    return [json.loads(attempt.read_text())["resumed"] for attempt in attempts]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Trial]:
    """The trials of a search that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    evonas(folder, "run", str(write_search(folder)))
    return recorded(folder, "here")


def test_trials_pause_and_the_best_go_on_from_their_checkpoints(tmp_path: Path) -> None:
    evonas(tmp_path, "run", str(write_search(tmp_path, at_once=2, count=6)))
    trials = recorded(tmp_path, "here")
    body, *_ = read_journal(tmp_path / "runs" / "here" / "journal.jsonl")
    spec = SearchSpec.parse({key: body[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": "here"}})
    assert difference_at_rungs(spec, trials) is None
    assert {trial.state for trial in trials} == {TrialState.PAUSED, TrialState.SUCCEEDED}
    for trial in trials:
        assert resumed(tmp_path, trial) == [0, *(rung.step for rung in trial.rungs if rung.promoted_after is not None)]
        assert trial.lost_checkpoints == 0


def test_trial_whose_checkpoint_is_gone_is_trained_again_and_counted(tmp_path: Path) -> None:
    evonas(tmp_path, "run", str(write_search(tmp_path, is_kept=False)))
    (best,) = [trial for trial in recorded(tmp_path, "here") if trial.state is TrialState.SUCCEEDED]
    assert resumed(tmp_path, best) == [0, 0, 0]
    assert best.lost_checkpoints == 2
    assert best.attempts[-1].message == "trained again from step 0, since the checkpoint of step 3 was gone"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(lambda trial: trial.state is TrialState.PAUSED, id="a trial was paused"),
        pytest.param(
            lambda trial: any(rung.promoted_after is not None for rung in trial.rungs), id="a trial was promoted"
        ),
    ],
)
def test_run_that_was_ended_goes_on_with_the_same_decisions(
    tmp_path: Path, undisturbed: list[Trial], moment: Callable[[Trial], bool], number: signal.Signals
) -> None:
    manifest = write_search(tmp_path)
    journal = tmp_path / "runs" / "here" / "journal.jsonl"
    command = [sys.executable, "-m", "evonas", "run", str(manifest), "--runs", str(tmp_path / "runs")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for("that moment", lambda: _begun(journal) and any(map(moment, read_journal(journal)[1])))
        process.send_signal(number)
    evonas(tmp_path, "run", str(manifest))
    trials = recorded(tmp_path, "here")
    assert decided(trials) == decided(undisturbed)
    assert [trial.lost_checkpoints for trial in trials] == [0] * len(trials)


def _begun(journal: Path) -> bool:
    return journal.exists() and b"\n" in journal.read_bytes()
