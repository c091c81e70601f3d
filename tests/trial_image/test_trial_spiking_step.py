"""A step of the spiking network as a GPU takes it: the host never waits, what is not to change does not, and the
results are those of a CPU, which looks at each batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from evonas_trial.spiking import problems
from evonas_trial.spiking.network import Network
from evonas_trial.spiking.neuron import Neuron, SpikesTooFarApart, _SpikeTimes, spike_times
from evonas_trial.spiking.optimizer import Adam
from evonas_trial.spiking.problems import Problem, Spikes
from evonas_trial.spiking.scoring import Evaluation
from evonas_trial.spiking.settings import Settings
from evonas_trial.spiking.step import Step
from evonas_trial.spiking.training import Training
from evonas_trial.training.checkpoint import Checkpoint
from evonas_trial.training.choosing import Settings as Use
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.loop import Diverged, Interrupted
from evonas_trial.training.replay import WARM_UP_CALLS, Replayed

CPU = Hardware.choose("cpu", threads=1)
ON_A_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="a CUDA graph needs an NVIDIA GPU")

LEARNS = {"fire_threshold": 0.5, "learning_rate": 0.01, "penalty_no_spike": 5}
CANDIDATES = [
    {"hidden_size": 16},
    {"hidden_size": 16, "update_all": False},
    {"hidden_layers": 0, "update_all": False},
    {"hidden_layers": 3, "hidden_size": 12, "n_pulses": 0, "update_all": False},
]


class OneDevice(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Fails where the host would read what the device has computed, or copy from the one to the other."""

    ASKS = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "_unique2", "item")

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        name = func.overloadpacket.__name__
        assert name not in self.ASKS, name
        given = [one for one in _flat((args, kwargs)) if isinstance(one, Tensor)]
        if name in ("index", "index_put", "index_put_"):
            assert not [one for one in _flat(args[1]) if isinstance(one, Tensor) and one.dtype == torch.bool], name
        result = func(*args, **(kwargs or {}))
        devices = {one.device for one in [*given, *_flat(result)] if isinstance(one, Tensor)}
        assert len(devices) <= 1, f"{name} joins {devices}"
        return result


def _flat(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return _flat(list(value.values()))
    if isinstance(value, list | tuple):
        return [one for part in value for one in _flat(part)]
    return [value]


def step_of(problem: Problem, decisions: Mapping[str, Any], *, waits: bool) -> tuple[Network, Step]:
    settings = Settings.read("digits", {**LEARNS, **decisions}, {})
    torch.manual_seed(0)
    network = Network(settings, problem.inputs, problem.classes)
    return network, Step(settings, network, problem.training, waits=waits)


def state(network: Network, step: Step) -> list[Tensor]:
    every = [*network.state_dict().values(), *step.optimizer.state_dict().values(), step.outputs, step.changed]
    return [tensor.clone() for tensor in every]


@pytest.fixture(scope="module")
def digits() -> Problem:
    return problems.load("digits")


class TestWithoutWaiting:
    @pytest.mark.parametrize("decisions", CANDIDATES)
    def test_a_step_never_asks_the_device(self, digits: Problem, decisions: Mapping[str, Any]) -> None:
        _, step = step_of(digits, decisions, waits=False)
        with OneDevice() as watched:
            step(torch.arange(8))
        assert watched.calls > 100

    @pytest.mark.parametrize("decisions", CANDIDATES)
    def test_a_validation_asks_at_its_end_only(self, digits: Problem, decisions: Mapping[str, Any]) -> None:
        network, _ = step_of(digits, decisions, waits=False)
        evaluation = Evaluation(network, digits.validation, CPU)
        looking = evaluation.score()
        evaluation._most = digits.validation.most
        with OneDevice():
            for batch in torch.split(torch.arange(len(digits.validation)), 100):
                evaluation._add(batch)
        assert repr(evaluation.score()) == repr(looking)

    def test_the_watch_sees_a_host_that_asks(self, digits: Problem) -> None:
        _, step = step_of(digits, {"hidden_size": 16}, waits=True)
        with pytest.raises(AssertionError, match="_local_scalar_dense"), OneDevice():
            step(torch.arange(8))

    @pytest.mark.parametrize("decisions", CANDIDATES)
    def test_nothing_of_a_step_is_on_the_host(
        self, monkeypatch: pytest.MonkeyPatch, digits: Problem, decisions: Mapping[str, Any]
    ) -> None:
        """Tensors of a GPU without content: whoever asks for it fails."""
        # Imported here: it takes seconds.
        from torch._subclasses.fake_tensor import FakeTensorMode

        # That of torch asks for a driver.
        monkeypatch.setattr(torch.autograd, "grad", lambda _, weights: [torch.zeros_like(one) for one in weights])
        settings, gpu = Settings.read("digits", {**LEARNS, **decisions}, {}), torch.device("cuda:0")
        with FakeTensorMode():
            with gpu:
                examples = Spikes(torch.zeros(64, 64), torch.zeros(64, dtype=torch.int64))
                # Else it is counted, which is before the first step.
                vars(examples)["most"] = 40
                step = Step(settings, Network(settings, 64, 10), examples, waits=False)
            with OneDevice() as watched:
                step(torch.arange(8, device=gpu))
        assert watched.calls > 80

    def test_nothing_of_a_layers_derivatives_is_on_the_host(self) -> None:
        from torch._subclasses.fake_tensor import FakeTensorMode

        with FakeTensorMode():
            with torch.device("cuda:0"):
                given = [torch.rand(*shape, requires_grad=True) for shape in ((8, 5), (2,), (7, 3))]
                gradient = torch.ones(8, 3)
            fired = spike_times(given[0], given[1], given[2], Neuron(1.0, 1.0, 9.0), 5)
            with OneDevice():
                found = _SpikeTimes.backward(fired.times.grad_fn, gradient, gradient)
        assert [one.shape for one in found if one is not None] == [one.shape for one in given]

    @pytest.mark.parametrize("decisions", CANDIDATES)
    def test_it_does_what_one_does_that_looks(self, digits: Problem, decisions: Mapping[str, Any]) -> None:
        looking, unseeing = (step_of(digits, decisions, waits=waits) for waits in (True, False))
        before = state(*looking)
        for batch in torch.split(torch.arange(960), 16):
            for _, step in (looking, unseeing):
                step(batch)
                step.check()
        assert not torch.equal(before[0], looking[0].weights[0])
        assert all(map(torch.equal, state(*looking), state(*unseeing)))

    def test_a_batch_with_nothing_to_learn_from_changes_nothing(self, digits: Problem) -> None:
        network, step = step_of(digits, {"hidden_size": 16, "update_all": False}, waits=False)
        for batch in torch.split(torch.arange(960), 16):
            step(batch)
        step.changed.zero_()
        with torch.no_grad():
            outputs = network(digits.training.times).outputs
        right = (outputs.argmin(1) == digits.training.labels).nonzero().flatten()[:1]
        before = state(network, step)
        for _ in range(3):
            step(right)
        assert not step.changed
        step.outputs[right] = before[-2][right]
        assert all(map(torch.equal, before, state(network, step)))
        step((outputs.argmin(1) != digits.training.labels).nonzero().flatten()[:2])
        assert step.changed
        assert not torch.equal(before[0], network.weights[0])

    def test_unwanted_gradients_change_nothing_whatever_they_are(self) -> None:
        weights = torch.tensor([1.0, -2.0, 0.0, 3.0])
        adam = Adam(([weights[:3]], 0.1), ([weights[3:]], 0.2))
        adam.step([torch.tensor([1.0, -1.0, 0.0]), torch.tensor([2.0])])
        before = [tensor.clone() for tensor in (weights, *adam.state_dict().values())]
        never = torch.tensor(False)
        for value in (5.0, math.nan, math.inf, -math.inf, 0.0):
            adam.step([torch.full((3,), value), torch.full((1,), value)], never)
        assert all(map(torch.equal, before, (weights, *adam.state_dict().values())))

    def test_far_from_the_start_steps_are_no_longer_corrected(self) -> None:
        weights = torch.zeros(1)
        adam = Adam(([weights], 0.5))
        adam.load_state_dict({"mean": torch.ones(1), "square": torch.full((1,), 4.0), "steps": torch.tensor([10**6])})
        adam.step([torch.ones(1)])
        assert weights.item() == pytest.approx(-0.5 / math.sqrt(0.999 * 4 + 0.001), rel=1e-6)


class TestDivergence:
    def after(self, digits: Problem, decisions: Mapping[str, Any], *, waits: bool) -> str:
        """What ends a training; one that does not wait is asked later."""
        _, step = step_of(digits, {"hidden_size": 16, **decisions}, waits=waits)
        try:
            for batch in torch.split(torch.arange(400), 8):
                step(batch)
                if waits:
                    step.check()
            step.check()
        except (Diverged, SpikesTooFarApart) as ended:
            return str(ended)
        return "nothing"

    def test_a_loss_that_is_no_number_is_noticed_later_too(self, digits: Problem) -> None:
        said = {self.after(digits, {"learning_rate": 1e38}, waits=waits) for waits in (True, False)}
        assert said == {"the training loss became nan"}

    def test_pulses_that_run_away_are_noticed_later_too(self, digits: Problem) -> None:
        for waits in (True, False):
            said = self.after(digits, {"learning_rate_pulses": 1e5}, waits=waits)
            assert said.startswith("two spikes of one example are ")
            assert said.endswith(" apart; with a decay constant of 0.181769, 439 can be computed")


@pytest.fixture(scope="module")
def gpu() -> Hardware:
    return Hardware.choose("cuda", threads=1)


@ON_A_GPU
class TestOnAGpu:
    """Within rounding: a GPU adds in any order."""

    def trained(self, hardware: Hardware, told_to_end: Callable[[], bool], checkpoint: Checkpoint | None) -> Network:
        settings = Settings.read("digits", {**LEARNS, "hidden_size": 16, "epochs": 1, "batch_size": 32}, {})
        problem = problems.load("digits")
        training = Training(settings, problem, hardware, seed=0, checkpoint=checkpoint, told_to_end=told_to_end)
        return training.run(lambda _: None).network

    def test_a_step_can_be_recorded(self, gpu: Hardware, digits: Problem, capsys: pytest.CaptureFixture[str]) -> None:
        for decisions in CANDIDATES:
            problem = Problem(digits.training.on(gpu.device), digits.validation, digits.read_test, digits.classes)
            settings = Settings.read("digits", {**LEARNS, **decisions}, {})
            network = Network(settings, problem.inputs, problem.classes).to(gpu.device)
            step = Step(settings, network, problem.training, waits=False)
            replayed = Replayed(step, gpu, "the step")
            for batch in torch.split(torch.arange(320, device=gpu.device), 32)[: WARM_UP_CALLS + 3]:
                replayed(batch)
            step.check()
        assert "cannot be recorded" not in capsys.readouterr().err

    def test_replayed_steps_do_what_called_ones_do(self, gpu: Hardware) -> None:
        called, replayed = (self.trained(gpu.used(Use(graph=graph)), lambda: False, None) for graph in (False, True))
        for ours, theirs in zip(replayed.parameters(), called.parameters(), strict=True):
            assert torch.allclose(ours, theirs, atol=0.01)

    def test_a_training_that_is_ended_and_resumed_ends_where_another_does(self, gpu: Hardware, tmp_path: Any) -> None:
        undisturbed = self.trained(gpu, lambda: False, None)
        checkpoint, asked = Checkpoint(tmp_path, "trial", {}), iter(range(100))
        with pytest.raises(Interrupted):
            self.trained(gpu, lambda: next(asked) == 12, checkpoint)
        resumed = self.trained(gpu, lambda: False, checkpoint)
        for ours, theirs in zip(resumed.parameters(), undisturbed.parameters(), strict=True):
            assert torch.allclose(ours, theirs, atol=0.01)
