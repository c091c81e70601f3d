"""The shipped programs in a search that pauses its trials: attempts in a row are one training."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from evonas_trial.spiking import problems
from evonas_trial.spiking.settings import Settings
from evonas_trial.spiking.training import Training
from evonas_trial.training.checkpoint import Checkpoint
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.loop import Interrupted
from harness.waiting import PATIENCE
from tests.trial_image.conftest import Ended, RunTrial, StartTrial, tell

RUNGS = {"EVONAS_RUNGS": "1,3,9"}
MEASURED = ("latency_ms", "train_seconds", "peak_memory_mb")
CPU = Hardware.choose("cpu", threads=1)


@dataclass(frozen=True)
class Program:
    """What is trained, and what makes another candidate of it."""

    module: str
    decisions: Mapping[str, Any]
    other: Mapping[str, Any]
    arguments: tuple[str, ...] = ()


CNN = Program(
    "evonas_trial.cnn",
    {"blocks": 2, "width": 0.5, "dropout": 0.3, "augmentation": "crop_flip", "warmup_epochs": 2},
    {"width": 1},
    ("--limit", "200", "--learning-rate", "0.01"),
)
PROGRAMS = {
    "cnn": CNN,
    "mlp": Program("evonas_trial.mlp", {"optimizer": "RMSprop"}, {"hidden_size": 5}, ("--limit", "200")),
    "spiking": Program(
        "evonas_trial.spiking",
        {"learning_rate": 0.003},
        {"learning_rate": 0.004},
        ("--problem", "xor", "--batch-size", "8", "--hidden-size", "8", "--training-examples", "80"),
    ),
    "counting": Program("evonas_trial.counting", {"a1": 1, "a2": 1}, {"a2": 2}, ("--noise", "0.1")),
}


_UNDISTURBED: dict[str, Ended] = {}


class Paused:
    """One trial of a search that pauses; its attempts share a volume."""

    def __init__(self, program: Program, run_trial: RunTrial, volume: Path) -> None:
        self.program, self.volume, self._run_trial = program, volume, run_trial
        self._attempts = 0

    def undisturbed(self) -> Ended:
        """Train in one piece; the same each time, so once is enough."""
        if self.program.module not in _UNDISTURBED:
            _UNDISTURBED[self.program.module] = self._run_trial(
                self.program.module, self.program.decisions, *self.program.arguments, environment=RUNGS
            )
        return _UNDISTURBED[self.program.module]

    def attempt(
        self, until: int, decisions: Mapping[str, Any] | None = None, *, keeps: bool = True, **environment: str
    ) -> Ended:
        """Train up to a rung, as an attempt of its own."""
        self._attempts += 1
        contract = {"EVONAS_UNTIL": str(until), "EVONAS_ATTEMPT": str(self._attempts), "EVONAS_TRIAL": "t-0"}
        kept = ["--checkpoint-dir", str(self.volume)] if keeps else []
        return self._run_trial(
            self.program.module,
            decisions or self.program.decisions,
            *self.program.arguments,
            *kept,
            environment=RUNGS | contract | environment,
        )

    def files(self) -> list[Path]:
        return sorted(self.volume.iterdir())


@pytest.fixture(params=PROGRAMS)
def paused(request: pytest.FixtureRequest, run_trial: RunTrial, tmp_path: Path) -> Paused:
    return Paused(PROGRAMS[request.param], run_trial, tmp_path / "volume")


def told(ended: Ended) -> dict[str, Any]:
    """What a trial that ended well reported, without what a clock or the system says."""
    assert ended.exit_code == 0, ended.errors
    assert ended.report is not None
    metrics = {name: value for name, value in ended.report["metrics"].items() if name not in MEASURED}
    return {**ended.report, "metrics": metrics}


def rungs(ended: Ended) -> dict[str, Any]:
    assert ended.progress is not None
    return dict(ended.progress["rungs"])


def resumed(ended: Ended) -> tuple[int, int]:
    """From where it went on, by progress report and by termination message."""
    assert ended.progress is not None
    assert ended.report is not None
    return ended.progress["resumed"], ended.report["resumed"]


def test_attempts_in_a_row_reach_at_every_rung_what_an_undisturbed_training_does(paused: Paused) -> None:
    undisturbed = paused.undisturbed()
    assert undisturbed.progress is not None
    assert undisturbed.errors == ""
    for before, until in ((0, 1), (1, 3), (3, 9)):
        ended = paused.attempt(until)
        assert ended.errors == (f"evonas: resumed from step {before}\n" if before else "")
        assert resumed(ended) == (before, before)
        assert told(ended)["reward"] == rungs(undisturbed)[str(until)]["reward"]
        assert rungs(ended) == {rung: at for rung, at in rungs(undisturbed).items() if int(rung) <= until}
        assert ended.progress is not None
        assert (ended.progress["step"], ended.progress["of"]) == (until, 9)
        assert len(paused.files()) == (0 if until == 9 else 1)
    assert told(ended) == told(undisturbed) | {"resumed": 3}
    assert ended.progress == undisturbed.progress | {"resumed": 3}


def test_a_lost_checkpoint_is_told_and_the_training_starts_anew(paused: Paused) -> None:
    paused.attempt(1)
    (kept,) = paused.files()
    kept.unlink()
    ended = paused.attempt(3)
    assert ended.errors == (
        f"evonas: {kept} is missing, though this trial was paused, so it starts anew: "
        "--checkpoint-dir must be a volume that all nodes share and that lasts\n"
    )
    _is_a_training_from_the_start(paused, ended)


def test_a_half_written_checkpoint_is_told_and_the_training_starts_anew(paused: Paused) -> None:
    paused.attempt(1)
    (kept,) = paused.files()
    kept.write_bytes(kept.read_bytes()[: kept.stat().st_size // 2])
    ended = paused.attempt(3)
    assert ended.errors.startswith(f"evonas: {kept} is not readable, so it starts anew: ")
    assert ended.errors.count("\n") == 1
    _is_a_training_from_the_start(paused, ended)


def test_where_nothing_is_kept_the_cure_is_named_and_the_training_starts_anew(paused: Paused) -> None:
    for until in (1, 3):
        ended = paused.attempt(until, keeps=False)
        assert ended.errors == (
            "evonas: this search pauses its trials and nothing is kept, so each starts from the beginning when it "
            "goes on: name a volume that all nodes share, by --checkpoint-dir\n"
        )
    _is_a_training_from_the_start(paused, ended)


def _is_a_training_from_the_start(paused: Paused, ended: Ended) -> None:
    """As far as the rung of 3 steps."""
    assert resumed(ended) == (0, 0)
    undisturbed = paused.undisturbed()
    assert told(ended)["reward"] == rungs(undisturbed)["3"]["reward"]
    assert rungs(ended) == {rung: rungs(undisturbed)[rung] for rung in "13"}


def test_the_checkpoint_of_another_candidate_seed_or_trial_is_never_used(paused: Paused) -> None:
    paused.attempt(1)
    others = [
        paused.attempt(1, {**paused.program.decisions, **paused.program.other}),
        paused.attempt(1, EVONAS_SEED="1"),
        paused.attempt(1, EVONAS_TRIAL="t-1"),
    ]
    assert [resumed(ended) for ended in others] == [(0, 0)] * 3
    assert len(paused.files()) == 4
    assert resumed(paused.attempt(3)) == (1, 1)


def test_a_checkpoint_beyond_the_rung_is_not_used(paused: Paused) -> None:
    paused.attempt(3)
    (kept,) = paused.files()
    ended = paused.attempt(1)
    assert ended.errors == (f"evonas: {kept} is of a training beyond step 1, where this one ends, so it starts anew\n")
    assert resumed(ended) == (0, 0)
    assert told(ended)["reward"] == rungs(paused.undisturbed())["1"]["reward"]


def test_an_attempt_that_reported_nothing_is_repeated_without_training(paused: Paused) -> None:
    first = paused.attempt(3)
    again = paused.attempt(3)
    assert again.errors == "evonas: resumed from step 3\n"
    assert told(again) == told(first) | {"resumed": 3}
    assert rungs(again) == rungs(first)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_ended_between_two_rungs_it_goes_on_from_there(
    run_trial: RunTrial, start_trial: StartTrial, tmp_path: Path, end: signal.Signals
) -> None:
    paused = Paused(CNN, run_trial, tmp_path / "volume")
    paused.attempt(1)
    kept = ["--checkpoint-dir", str(paused.volume)]
    contract = RUNGS | {"EVONAS_UNTIL": "9", "EVONAS_TRIAL": "t-0"}
    process = start_trial(CNN.module, CNN.decisions, *CNN.arguments, *kept, environment=contract)
    tell(process, end)
    assert process.wait(PATIENCE) == (143 if end == signal.SIGTERM else -signal.SIGKILL)
    ended = paused.attempt(9)
    by_progress, by_message = resumed(ended)
    assert 1 <= by_progress == by_message < 9
    undisturbed = paused.undisturbed()
    assert told(ended) == told(undisturbed) | {"resumed": by_progress}
    assert rungs(ended) == rungs(undisturbed)


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_contradicts_the_rungs_is_named(run_trial: RunTrial, name: str) -> None:
    program = PROGRAMS[name]

    def refusal(*arguments: str, **environment: str) -> str:
        ended = run_trial(program.module, program.decisions, *program.arguments, *arguments, environment=environment)
        assert (ended.exit_code, ended.report) == (2, None)
        return ended.errors

    words = "EVONAS_UNTIL must be one of the rungs in EVONAS_RUNGS (1,3,9), got '5'"
    assert words in refusal(EVONAS_UNTIL="5", **RUNGS)
    if name != "counting":
        words = "'epochs' is 30, but the last of the search's rungs (EVONAS_RUNGS) is 9: leave 'epochs' out"
        assert words in refusal("--epochs", "30", EVONAS_UNTIL="9", **RUNGS)


def test_a_table_of_whole_trainings_cannot_be_paused(run_trial: RunTrial) -> None:
    decisions = {f"Op{edge}": "none" for edge in range(6)}
    ended = run_trial("evonas_trial.nasbench201", decisions, environment=RUNGS | {"EVONAS_UNTIL": "1"})
    assert (ended.exit_code, ended.report) == (2, None)
    assert "there are no results but those of whole trainings: leave out `mode: Pause`" in ended.errors


class TestSpikingWithNothingToLearnFrom:
    """Its training ends early, in an epoch in which no example was classified wrongly."""

    SETTINGS = Settings.read("xor", {"hidden_layers": 0, "learning_rate": 0.1, "batch_size": 4, "epochs": 90}, {})

    @pytest.fixture
    def problem(self) -> problems.Problem:
        times = torch.tensor([[0.0, torch.inf], [torch.inf, 0.0]] * 10)
        part = problems.Spikes(times, torch.tensor([0, 1] * 10))
        return problems.Problem(part, part, lambda: part, 2)

    def test_it_goes_on_as_if_it_had_been_trained_up_to_the_rung(
        self, problem: problems.Problem, tmp_path: Path
    ) -> None:
        checkpoint, starts = Checkpoint(tmp_path, "trial", {}), list[int]()
        trained = [
            Training(self.SETTINGS, problem, CPU, seed=0, checkpoint=checkpoint, until=until).run(
                lambda _: None, starts.append
            )
            for until in (60, 90)
        ]
        assert trained[0].epochs == trained[1].epochs < 60
        assert trained[0].best == trained[1].best
        # Never less than where it was paused: nothing was lost.
        assert starts == [0, 90]

    def test_interrupted_within_an_epoch_that_had_changed_nothing_yet_it_ends_as_undisturbed(
        self, problem: problems.Problem, tmp_path: Path
    ) -> None:
        undisturbed = Training(self.SETTINGS, problem, CPU, seed=0).run(lambda _: None)
        looks = undisturbed.epochs * 5
        # The last epoch is the one that changes nothing: five batches.
        for look in range(looks - 5, looks):
            checkpoint = Checkpoint(tmp_path, f"trial-{look}", {})
            told: Iterator[bool] = (asked == look for asked in range(looks))
            interrupted = Training(
                self.SETTINGS, problem, CPU, seed=0, checkpoint=checkpoint, told_to_end=told.__next__
            )
            with pytest.raises(Interrupted):
                interrupted.run(lambda _: None)
            resumed = Training(self.SETTINGS, problem, CPU, seed=0, checkpoint=checkpoint).run(lambda _: None)
            assert (resumed.epochs, resumed.best) == (undisturbed.epochs, undisturbed.best)
