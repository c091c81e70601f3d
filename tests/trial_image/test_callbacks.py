"""The callbacks in trainings by the real libraries: progress, rungs, the result, pauses, and the end of a trial."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from evonas_trial import report
from evonas_trial.callbacks.reports import Reports
from harness.waiting import PATIENCE
from tests.trial_image.conftest import Ended, RunTrial, StartTrial, tell

PROGRAMS = {"lightning": "train_loss", "transformers": "eval_loss", "keras": "loss"}
"""By library: a metric that it has beside the one that counts, or that one."""
METRIC = {"lightning": "val_loss", "transformers": "eval_loss", "keras": "val_loss"}
LIBRARIES = ("tests.trial_image.frameworks.everything",)
"""Imported before the programs."""


@pytest.fixture(params=PROGRAMS)
def library(request: pytest.FixtureRequest) -> str:
    """One of the libraries."""
    return str(request.param)


class Trained:
    """The trials of one library's program, which share a folder for checkpoints."""

    def __init__(self, library: str, run_trial: RunTrial, folder: Path) -> None:
        self.module = f"tests.trial_image.frameworks.by_{library}"
        self._run_trial, self._folder = run_trial, folder
        self.folder = folder

    def run(self, learning_rate: float = 0.1, **environment: str) -> Ended:
        """Train as a trial."""
        variables = {"CHECKPOINTS": str(self._folder), **environment}
        decisions = {"learning_rate": learning_rate}
        return self._run_trial(self.module, decisions, environment=variables, imported=LIBRARIES)


@pytest.fixture
def trained(library: str, run_trial: RunTrial, tmp_path: Path) -> Trained:
    """The program of a library."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    return Trained(library, run_trial, folder)


def test_each_epoch_is_reported_with_the_rungs_and_the_last_is_the_result(library: str, trained: Trained) -> None:
    ended = trained.run(EVONAS_RUNGS="1,2,4")
    assert ended.exit_code == 0, ended.errors
    assert ended.report is not None
    assert ended.progress is not None
    metric = METRIC[library]
    assert (ended.progress["step"], ended.progress["of"]) == (4, 4)
    rungs = ended.progress["rungs"]
    assert [*rungs] == ["1", "2", "4"]
    # Of a report that is too long, the metrics named last are left out.
    assert {next(iter(found)) for found in rungs.values()} == {metric}
    losses = [rungs[rung][metric] for rung in rungs]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > losses[-1] > 0
    assert ended.report["reward"] == ended.report["metrics"][metric] == losses[-1]
    assert PROGRAMS[library] in ended.report["metrics"]


def test_without_a_search_that_stops_it_trains_as_long_as_it_would(library: str, trained: Trained) -> None:
    ended = trained.run()
    assert ended.exit_code == 0, ended.errors
    assert ended.progress is not None
    assert ended.report is not None
    assert (ended.progress["step"], ended.progress["of"], ended.progress.get("rungs")) == (4, 4, None)
    assert ended.report["reward"] == ended.report["metrics"][METRIC[library]]


def test_an_attempt_ends_at_its_rung_and_the_next_goes_on_from_there(library: str, trained: Trained) -> None:
    metric = METRIC[library]
    first = trained.run(EVONAS_RUNGS="1,3,5", EVONAS_UNTIL="3")
    assert first.exit_code == 0, first.errors
    assert first.progress is not None
    assert first.report is not None
    assert (first.progress["step"], first.progress["of"], first.progress["resumed"]) == (3, 5, 0)
    assert (first.report["reward"], first.report["resumed"]) == (first.progress[metric], 0)
    second = trained.run(EVONAS_RUNGS="1,3,5", EVONAS_UNTIL="5")
    assert second.exit_code == 0, second.errors
    assert second.progress is not None
    assert second.report is not None
    assert (second.progress["step"], second.progress["resumed"]) == (5, 3)
    assert second.report["reward"] < first.report["reward"]
    # Killed between its checkpoint and its report, it must not tell of a step beyond its rung.
    again = trained.run(EVONAS_RUNGS="1,3,5,7", EVONAS_UNTIL="5")
    assert again.exit_code == 0, again.errors
    assert again.progress is not None
    assert again.report is not None
    assert (again.progress["step"], again.progress["resumed"]) == (5, 5)
    assert again.report["reward"] < second.report["reward"]


def test_a_training_that_diverges_is_infeasible(library: str, trained: Trained) -> None:
    ended = trained.run(1e30, EVONAS_RUNGS="1,4")
    assert ended.exit_code == report.INFEASIBLE_EXIT_CODE, ended.errors
    assert ended.report is not None
    assert ended.progress is not None
    assert ended.report["infeasible"].startswith(f"the training diverged: {METRIC[library]} is ")
    assert ended.progress["rungs"]["4"][METRIC[library]] == "nan"


def test_a_misspelt_metric_is_told_after_the_first_epoch_and_fails_the_trial(trained: Trained) -> None:
    ended = trained.run(METRIC="acuracy")
    assert ended.exit_code == 1
    assert "evonas: after step 1, there is no metric 'acuracy'; there are " in ended.errors
    assert ended.errors.count("after step") == 1
    assert "ContractError: the training has ended and there is no metric 'acuracy'" in ended.errors
    assert ended.report is None


def test_a_trial_that_is_stopped_ends_at_once(trained: Trained, start_trial: StartTrial, tmp_path: Path) -> None:
    variables = {"EVONAS_RUNGS": "1,100000", "CHECKPOINTS": str(trained.folder)}
    process = start_trial(trained.module, {"learning_rate": 0.1}, environment=variables, imported=LIBRARIES)
    tell(process, signal.SIGTERM)
    assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    assert not (tmp_path / "report").exists()


def test_lightning_is_served_under_either_name(run_trial: RunTrial, tmp_path: Path) -> None:
    other = Trained("lightning", run_trial, tmp_path / "checkpoints")
    ended = other.run(EVONAS_RUNGS="1,2", TRAINER="pytorch_lightning")
    assert ended.exit_code == 0, ended.errors
    assert ended.report is not None


@pytest.fixture
def _handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("_handler")
def test_a_handler_of_the_programs_own_is_left_alone() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Reports("loss")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Reports("loss")
    assert callable(signal.getsignal(signal.SIGTERM))


@pytest.mark.usefixtures("_handler")
def test_only_the_process_that_leads_reports_but_all_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVONAS_RUNGS", "1,2")
    follower = Reports("loss")
    assert not follower.passed(1, 9, {}, leads=False)
    assert follower.passed(2, 9, {}, leads=False)
    follower.end(leads=False)
    assert capsys.readouterr().err == ""
