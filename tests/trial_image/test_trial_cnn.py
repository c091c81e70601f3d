"""The CNN trained for real on the real digits, through the trial contract."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from evonas_trial import data
from evonas_trial.cnn.feasibility import MAX_BLOCKS, obstacle
from evonas_trial.cnn.model import build, parameters
from evonas_trial.cnn.settings import ACTIVATIONS, OPTIMIZERS, Settings
from evonas_trial.cnn.training import Score, train
from tests.trial_image.conftest import RunTrial

CNN = "evonas_trial.cnn"
TIMES = ("latency_ms", "train_seconds")


@pytest.fixture(scope="module")
def digits() -> data.Digits:
    return data.load()


class TestData:
    def test_all_digits_of_scikit_learn_are_there_once(self, digits: data.Digits) -> None:
        pixels, labels = load_digits(return_X_y=True)
        parts = (digits.training, digits.validation, digits.test)
        ours = torch.cat([part.pixels.reshape(-1, 64) for part in parts])
        # Standardising keeps the order of images by any pixel sum, and the sorted sums' differences up to a factor.
        sums, theirs = ours.double().sum(1).sort().values, torch.from_numpy(pixels).sum(1).sort().values
        scale = (sums[-1] - sums[0]) / (theirs[-1] - theirs[0])
        assert torch.allclose(sums - sums[0], (theirs - theirs[0]) * scale, atol=1e-3)
        counted = torch.cat([part.labels for part in parts]).bincount()
        assert counted.tolist() == torch.from_numpy(labels).bincount().tolist()

    def test_the_pixels_and_labels_of_each_image_belong_together(self) -> None:
        pixels, labels = data._read()
        their_pixels, their_labels = load_digits(return_X_y=True)
        assert torch.equal(pixels.reshape(-1, 64).double() * 16, torch.from_numpy(their_pixels))
        assert torch.equal(labels, torch.from_numpy(their_labels))

    def test_each_part_has_its_share_of_each_digit(self, digits: data.Digits) -> None:
        assert [len(part) for part in (digits.training, digits.validation, digits.test)] == [1079, 359, 359]
        for part in (digits.validation, digits.test):
            assert all(34 <= count <= 37 for count in part.labels.bincount().tolist())

    def test_the_parts_share_no_image_and_do_not_depend_on_the_random_state(self) -> None:
        _, labels = data._read()
        torch.manual_seed(1)
        first = data._split(labels)
        torch.manual_seed(2)
        second = data._split(labels)
        assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
        assert torch.equal(torch.cat(first).sort().values, torch.arange(1797))

    def test_the_training_part_is_standardised(self, digits: data.Digits) -> None:
        assert digits.training.pixels.mean().item() == pytest.approx(0, abs=1e-5)
        assert digits.training.pixels.std().item() == pytest.approx(1, abs=1e-5)


class TestModel:
    @given(
        st.fixed_dictionaries(
            {
                "blocks": st.integers(1, MAX_BLOCKS),
                "width": st.integers(1, 9),
                "kernel": st.sampled_from([1, 3, 5, 7, 9]),
                "hidden": st.sampled_from([0, 1, 16]),
                "activation": st.sampled_from(ACTIVATIONS),
                "batch_norm": st.booleans(),
                "dropout": st.sampled_from([0, 0.5]),
            }
        )
    )
    def test_every_feasible_candidate_gives_ten_logits(self, candidate: dict[str, Any]) -> None:
        settings = Settings.read(candidate, {})
        assert obstacle(settings) is None
        assert build(settings)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)

    def test_weights_are_counted(self) -> None:
        settings = Settings.read({"blocks": 2, "width": 4, "kernel": 3, "kernel_2": 5, "hidden": 7}, {})
        # Convolutions without bias, two weights per normalised channel, 8 channels of 2x2 pixels at the end.
        expected = 4 * 9 + 2 * 4 + 8 * 4 * 25 + 2 * 8 + (8 * 4 * 7 + 7) + (7 * 10 + 10)
        assert parameters(build(settings)) == expected

    @pytest.mark.parametrize("optimizer", OPTIMIZERS)
    def test_every_optimizer_learns(self, digits: data.Digits, optimizer: str) -> None:
        rate = {"SGD": 0.01, "AdaGrad": 0.03}.get(optimizer, 0.003)
        settings = Settings.read({"optimizer": optimizer, "learning_rate": rate, "epochs": 4, "width": 8}, {})
        seen: list[tuple[int, Score]] = []
        trained = train(settings, digits, seed=0, threads=1, on_epoch=lambda *epoch: seen.append(epoch))
        assert [epoch for epoch, _ in seen] == [1, 2, 3, 4]
        assert seen[-1][1] == trained.validation
        assert trained.validation.accuracy > 0.9


class TestTrial:
    def test_two_runs_agree_bit_for_bit_and_are_good(self, run_trial: RunTrial) -> None:
        candidate = {"blocks": 2, "width": 32, "activation": "gelu", "learning_rate": 0.003, "epochs": 10}
        first, second = (run_trial(CNN, candidate) for _ in range(2))
        assert (first.exit_code, first.errors) == (0, "")
        assert first.report is not None
        assert second.report is not None
        times = [[ended.report["metrics"].pop(name) for name in TIMES] for ended in (first, second) if ended.report]
        assert all(time > 0 for pair in times for time in pair)
        assert first.report == second.report
        assert first.report["reward"] == first.report["metrics"]["accuracy"] > 0.97
        assert set(first.report["metrics"]) == {"accuracy", "loss", "parameters"}
        assert first.progress is not None
        assert (first.progress["step"], first.progress["of"]) == (10, 10)
        assert first.progress["accuracy"] == first.report["reward"]

    def test_the_seed_matters_and_the_test_part_is_for_the_end(self, run_trial: RunTrial) -> None:
        arguments = ["--epochs", "1", "--final", "--dropout", "0.5", "--batch-norm", "false"]
        first, second = (
            run_trial(CNN, {"width": 8}, *arguments, environment={"EVONAS_SEED": seed}).report for seed in "01"
        )
        assert first is not None
        assert second is not None
        assert first["metrics"]["loss"] != second["metrics"]["loss"]
        assert first["metrics"]["test_accuracy"] > 0.3
        assert first["reward"] == first["metrics"]["accuracy"]

    def test_what_cannot_be_built_is_infeasible_before_torch_is_loaded(self, run_trial: RunTrial) -> None:
        # torch is made unimportable, so nothing can have been built or read.
        ended = run_trial(
            [
                "python",
                "-c",
                "import sys; sys.modules['torch'] = None; from evonas_trial.cnn.__main__ import main; main()",
            ],
            {"blocks": 4},
        )
        assert ended.exit_code == 65
        assert ended.report == {
            "infeasible": "blocks=4: each block halves the image, and a side of 8 pixels can be halved 3 times"
        }

    def test_a_training_that_diverges_is_infeasible(self, run_trial: RunTrial) -> None:
        ended = run_trial(CNN, {"optimizer": "SGD", "learning_rate": 1e30, "batch_norm": False})
        assert ended.exit_code == 65
        assert ended.report == {"infeasible": "diverged: the training loss became nan"}

    def test_sigterm_ends_it_at_once(self, clean_environment: dict[str, str], tmp_path: Path) -> None:
        progress = tmp_path / "progress"
        process = subprocess.Popen(
            ["python", "-m", CNN, "--epochs", "100000"],
            env=clean_environment
            | {
                "EVONAS_DECISIONS": "{}",
                "EVONAS_SEED": "0",
                "EVONAS_REPORT_FILE": str(tmp_path / "report"),
                "EVONAS_PROGRESS_FILE": str(progress),
            },
        )
        while not progress.exists():
            assert process.poll() is None
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=5) == 143
        assert not (tmp_path / "report").exists()

    @pytest.mark.parametrize(
        ("decisions", "arguments", "words"),
        [
            ({"depth": 2}, [], "unknown decision 'depth'; known are blocks, width, kernel,"),
            ({"blocks": 0}, [], "'blocks' must be a whole number not below 1, got 0"),
            ({"kernel": 4}, [], "'kernel' must be an odd whole number, got 4"),
            ({"activation": "step"}, [], "'activation' must be one of relu, swish, gelu, tanh, sigmoid, got \"step\""),
            ({"batch_norm": 1}, [], "'batch_norm' must be true or false, got 1"),
            ({"dropout": 1}, [], "'dropout' must be from 0 to below 1, got 1"),
            ({"learning_rate": 0}, [], "'learning_rate' must be a number above 0, got 0"),
            ({"blocks": 1, "kernel_2": 3}, [], "'kernel_2' means nothing with 1 blocks"),
            ({"width": 8}, ["--width", "16"], "'width' is a decision of the search: leave out the option --width"),
            ({}, ["--epochs", "many"], "'epochs' must be a whole number not below 1, got \"many\""),
            ({}, ["--threads", "0"], "--threads: must be a whole number from 1 on, got '0'"),
            (None, [], "EVONAS_DECISIONS is not set"),
        ],
    )
    def test_mistakes_are_named(
        self, run_trial: RunTrial, decisions: dict[str, Any] | None, arguments: list[str], words: str
    ) -> None:
        ended = run_trial(CNN, decisions, *arguments)
        assert (ended.exit_code, ended.report) == (2, None)
        assert words in ended.errors
