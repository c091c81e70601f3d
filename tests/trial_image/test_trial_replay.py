"""Steps as CUDA graphs: that a step can be recorded, when it is called instead, and, where there is a GPU, that a
replay does what a call does."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evonas_trial.cnn import settings
from evonas_trial.cnn.model import build
from evonas_trial.data import catalogue
from evonas_trial.data.images import Images, Normalization, normalization
from evonas_trial.training import batches
from evonas_trial.training.augmentation import draw
from evonas_trial.training.checkpoint import Checkpoint
from evonas_trial.training.choosing import Settings
from evonas_trial.training.evaluation import Evaluation
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.loop import Interrupted, Training
from evonas_trial.training.recipe import OPTIMIZERS
from evonas_trial.training.replay import WARM_UP_CALLS, Replayed, Step
from tests.trial_image.trainings import digits, ignore, training_of

CPU = Hardware.choose("cpu", threads=1)
NETWORK: dict[str, Any] = {
    "blocks": 2,
    "op": "inverted",
    "se": 0.25,
    "dropout": 0.3,
    "augmentation": "crop_flip",
    "batch_size": 32,
    "epochs": 3,
}

ON_A_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="a CUDA graph needs an NVIDIA GPU")


class Recorded:
    """Counts what is asked of a recorder; its replays call the function."""

    def __init__(self) -> None:
        self.warmed_up = self.recorded = self.replayed = 0
        self.failed = False

    def warm_up(self, function: Step, inputs: tuple[Tensor, ...]) -> None:
        self.warmed_up += 1
        function(*inputs)

    def record(self, function: Step, inputs: tuple[Tensor, ...]) -> Step:
        self.recorded += 1

        def replayed(*inputs: Tensor) -> None:
            self.replayed += 1
            function(*inputs)

        return replayed


class Refused(Recorded):
    """Cannot record."""

    def __init__(self, error: RuntimeError) -> None:
        super().__init__()
        self._error = error

    def record(self, function: Step, inputs: tuple[Tensor, ...]) -> Step:
        raise self._error


@pytest.fixture
def total() -> Tensor:
    return torch.zeros(())


class TestReplayed:
    def test_it_is_called_then_recorded_once_then_replayed(self, total: Tensor) -> None:
        recorder = Recorded()
        added = Replayed(lambda numbers: total.add_(numbers.sum()), CPU, "the sum", recorder=recorder)
        for _ in range(WARM_UP_CALLS + 4):
            added(torch.ones(2))
        assert (recorder.warmed_up, recorder.recorded, recorder.replayed) == (WARM_UP_CALLS, 1, 4)
        assert total == 2 * (WARM_UP_CALLS + 4)

    def test_a_last_short_batch_is_called(self, total: Tensor) -> None:
        recorder = Recorded()
        added = Replayed(lambda numbers: total.add_(numbers.sum()), CPU, "the sum", recorder=recorder)
        for _ in range(WARM_UP_CALLS + 1):
            added(torch.ones(4))
            added(torch.ones(3))
        assert (recorder.warmed_up, recorder.replayed) == (WARM_UP_CALLS, 1)
        assert total == 7 * (WARM_UP_CALLS + 1)

    def test_a_training_that_goes_on_at_a_short_batch_is_replayed_all_the_same(self, total: Tensor) -> None:
        recorder = Recorded()
        added = Replayed(lambda numbers: total.add_(numbers.sum()), CPU, "the sum", recorder=recorder)
        for size in (3, *[4] * (WARM_UP_CALLS + 2), 3):
            added(torch.ones(size))
        assert (recorder.recorded, recorder.replayed) == (1, 2)
        assert total == 6 + 4 * (WARM_UP_CALLS + 2)

    def test_what_cannot_be_recorded_is_called_and_said_once(
        self, total: Tensor, capsys: pytest.CaptureFixture[str]
    ) -> None:
        refused = Refused(RuntimeError("operation not permitted when stream is capturing\nCUDA kernel errors might"))
        added = Replayed(lambda numbers: total.add_(numbers.sum()), CPU, "the sum", recorder=refused)
        for _ in range(WARM_UP_CALLS + 5):
            added(torch.ones(2))
        assert total == 2 * (WARM_UP_CALLS + 5)
        assert capsys.readouterr().err == (
            "evonas: the sum cannot be recorded, so nothing is replayed as a CUDA graph from here on: "
            "operation not permitted when stream is capturing\n"
        )

    def test_what_was_recorded_before_is_called_too(self, total: Tensor) -> None:
        """The generator is no longer the one that its recording draws from."""
        refused = Refused(RuntimeError("operation not permitted when stream is capturing"))
        recorder = Recorded()
        added = Replayed(total.add_, CPU, "the sum", recorder=recorder)
        for _ in range(WARM_UP_CALLS + 1):
            added(torch.ones(()))
        recorder.record = refused.record  # type: ignore[method-assign]
        other = Replayed(total.sub_, CPU, "the difference", recorder=recorder)
        for _ in range(WARM_UP_CALLS + 1):
            other(torch.ones(()))
        added(torch.ones(()))
        assert (recorder.recorded, recorder.replayed) == (1, 1)
        assert total == 1

    def test_running_out_of_memory_while_recording_is_the_candidates_own(self, total: Tensor) -> None:
        added = Replayed(total.add_, CPU, "the sum", recorder=Refused(torch.OutOfMemoryError("2 GiB")))
        for _ in range(WARM_UP_CALLS):
            added(torch.ones(()))
        with pytest.raises(torch.OutOfMemoryError):
            added(torch.ones(()))

    def test_a_cpu_only_calls(self, total: Tensor) -> None:
        assert not CPU.replays
        assert not Hardware(torch.device("cuda"), settings=Settings(graph=False)).replays
        assert Hardware(torch.device("cuda")).replays
        added = Replayed(total.add_, CPU, "the sum")
        for _ in range(WARM_UP_CALLS + 2):
            added(torch.ones(()))
        assert total == WARM_UP_CALLS + 2


class Described(Hardware):
    """A GPU without a driver: it is asked nothing, and nothing is moved to it."""

    def free_bytes(self) -> int | None:
        return None

    def placed(self, model: nn.Module) -> nn.Module:
        return model


@pytest.mark.parametrize(
    ("decisions", "stored"),
    [
        ({"op": "inverted", "se": 0.25, "skip": "pool", "dropout": 0.3, "augmentation": "crop_flip"}, 8),
        ({"op": "separable", "normalization": "group", "activation": "hard_swish", "label_smoothing": 0.1}, 8),
        ({"augmentation": "crop"}, 9),
        ({"augmentation": "flip"}, 9),
    ],
)
def test_no_step_makes_the_host_wait_for_the_gpu(
    monkeypatch: pytest.MonkeyPatch, decisions: Mapping[str, Any], stored: int
) -> None:
    """Tensors without content: whoever asks for it fails. With RMSprop, since torch's fused rules do not know them."""
    # Imported here: it takes seconds.
    from torch._subclasses.fake_tensor import FakeTensorMode

    gpu = torch.device("cuda:0")
    network, recipe = settings.read({"optimizer": "RMSprop", "weight_decay": 0.1, **decisions}, {})
    with FakeTensorMode(), gpu:
        hardware = Described(gpu, settings=Settings(graph=False))
        part = Images(torch.zeros(64, 1, stored, stored, dtype=torch.uint8), torch.zeros(64, dtype=torch.int64))
        made = batches.make(
            part,
            Normalization((1.0,), (1.0,)),
            hardware,
            batch_size=32,
            seed=0,
            augmentation=recipe.augmentation,
            side=8,
        )
        model = build(network, catalogue.DIGITS.shape)

        def backward(_loss: Tensor) -> None:
            for weights in model.parameters():
                weights.grad = torch.zeros_like(weights)

        # That of torch asks for a driver.
        monkeypatch.setattr(torch.autograd, "backward", backward)
        training = Training(model, recipe, made, None, hardware, classes=10, seed=0)
        (evaluated, _) = made.ordered()
        draws = draw(64, stored, 8, recipe.augmentation, torch.Generator())
        training._learn(evaluated[0], *(torch.empty_like(drawn[:32], device=gpu) for drawn in draws))
        Evaluation(model, made, hardware)._add(*evaluated)


def test_an_evaluation_is_in_inference_mode_only_while_it_computes(parts: tuple[Images, Images]) -> None:
    """In older versions of torch, all recordings write to what the first one has made: a training's step to what was
    made in an evaluation, if it is resumed shortly before one."""
    computing = []

    class Noted(nn.Flatten):
        def forward(self, input: Tensor) -> Tensor:
            computing.append(torch.is_inference_mode_enabled())
            return super().forward(input)

    part = parts[1]
    held_out = batches.make(part, normalization(part), CPU, batch_size=64, seed=0, side=8)
    asked = []
    Evaluation(Noted(), held_out, CPU).score(lambda: asked.append(torch.is_inference_mode_enabled()))
    assert set(computing) == {True}
    assert set(asked) == {False}


@pytest.fixture(scope="module")
def gpu() -> Hardware:
    return Hardware.choose("cuda", threads=1)


@pytest.fixture(scope="module")
def parts() -> tuple[Images, Images]:
    return digits(640)


def agree(first: Training, second: Training) -> None:
    for one, other in zip(first.model.state_dict().values(), second.model.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0.02, atol=0.02)


@ON_A_GPU
class TestOnGpu:
    FLOAT32 = Settings(channels_last=False, bfloat16=False)

    @pytest.mark.parametrize("optimizer", OPTIMIZERS)
    def test_a_replayed_training_ends_where_a_called_one_does(
        self, gpu: Hardware, parts: tuple[Images, Images], optimizer: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        ends = []
        for graph in (False, True):
            hardware = gpu.used(replace(self.FLOAT32, graph=graph))
            trained = training_of(parts, hardware, {**NETWORK, "optimizer": optimizer, "learning_rate": 0.001})
            ends.append((trained.run(ignore), trained))
        (called, first), (replayed, second) = ends
        assert replayed.accuracy == pytest.approx(called.accuracy, abs=0.02)
        assert replayed.loss == pytest.approx(called.loss, rel=0.02)
        agree(first, second)
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize("looks", [2, 9, 30, 47])
    def test_a_killed_and_resumed_training_ends_where_an_undisturbed_one_does(
        self, gpu: Hardware, parts: tuple[Images, Images], tmp_path: Path, looks: int
    ) -> None:
        hardware, asked = gpu.used(self.FLOAT32), itertools.count(1)
        undisturbed = training_of(parts, hardware, NETWORK)
        expected = undisturbed.run(ignore)
        checkpoint = Checkpoint(tmp_path, "trial", {})
        killed = training_of(parts, hardware, NETWORK, checkpoint=checkpoint, told_to_end=lambda: next(asked) == looks)
        with pytest.raises(Interrupted):
            killed.run(ignore)
        resumed = training_of(parts, hardware, NETWORK, checkpoint=checkpoint)
        score = resumed.run(ignore)
        assert score.accuracy == pytest.approx(expected.accuracy, abs=0.02)
        assert score.loss == pytest.approx(expected.loss, rel=0.02)
        agree(resumed, undisturbed)

    def test_a_training_that_goes_on_just_before_an_evaluation_is_replayed(
        self, gpu: Hardware, parts: tuple[Images, Images], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Its evaluation is recorded first."""
        hardware, asked = gpu.used(self.FLOAT32), itertools.count(1)
        checkpoint = Checkpoint(tmp_path, "trial", {})
        killed = training_of(parts, hardware, NETWORK, checkpoint=checkpoint, told_to_end=lambda: next(asked) == 19)
        with pytest.raises(Interrupted):
            killed.run(ignore)
        training_of(parts, hardware, NETWORK, checkpoint=checkpoint).run(ignore)
        assert capsys.readouterr().err == ""

    def test_what_a_recording_cannot_do_is_called(self) -> None:
        """In a process of its own: with older versions of torch, one records nothing more after such a failure."""
        ended = subprocess.run(
            [sys.executable, "-c", READS_THE_DEVICE, "cuda"],
            check=False,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
        assert ended.returncode == 0, ended.stderr
        assert "evonas: the sum cannot be recorded, " in ended.stderr


READS_THE_DEVICE = """
import sys

import torch
from torch.nn.functional import dropout

from evonas_trial.training.hardware import Hardware
from evonas_trial.training.replay import WARM_UP_CALLS, Replayed

hardware = Hardware.choose(sys.argv[1], threads=1)
drawn, total = torch.zeros(1000, device=hardware.device), torch.zeros((), device=hardware.device)

def draws(numbers):
    drawn.copy_(dropout(numbers))

def reads(numbers):
    dropout(numbers)
    total.add_(numbers.sum().item())

draw, add = Replayed(draws, hardware, "the draw"), Replayed(reads, hardware, "the sum")
for _ in range(WARM_UP_CALLS + 2):
    draw(torch.ones_like(drawn))
for _ in range(WARM_UP_CALLS + 3):
    add(torch.ones_like(total))
assert total.item() == WARM_UP_CALLS + 3
seen = []
for _ in range(2):
    hardware.seed(7)
    draw(torch.ones_like(drawn))
    seen.append(drawn.clone())
assert torch.equal(*seen)
"""
"""Two functions that draw; the second one reads the device. What the first one draws follows from the seed all the
while, though it was recorded before the failure."""


def test_on_a_cpu_it_is_called_anyway() -> None:
    subprocess.run([sys.executable, "-c", READS_THE_DEVICE, "cpu"], check=True, timeout=120)
