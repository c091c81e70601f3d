"""Training one candidate and measuring it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from evonas_trial.spiking.network import Activity, Network
from evonas_trial.spiking.neuron import SpikesTooFarApart
from evonas_trial.spiking.optimizer import Adam
from evonas_trial.spiking.problems import Problem, Spikes
from evonas_trial.spiking.settings import Settings

LOSS_EPSILON = 1e-8
EVALUATION_BATCH = 500


class Diverged(Exception):
    """The training cannot go on: a loss that is no finite number, or spike times beyond all bounds."""


@dataclass(frozen=True)
class Score:
    """How a network does on a part of the data."""

    accuracy: float
    loss: float
    """Mean cross-entropy in nats of the softmax over negative spike times, at most 18.4 for an example."""
    first_spike: float
    """Mean time of the earliest output spike, over the examples that have one; NaN where none has."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training examples."""

    number: int
    """From 1 on."""
    training: Score
    """Over the pass, while the weights changed."""
    validation: Score


@dataclass(frozen=True)
class Trained:
    """The network after its best epoch: the highest validation accuracy, among equals the latest."""

    network: Network
    best: Epoch
    epochs: int
    train_seconds: float
    """Time of all epochs, their validation included."""


def train(
    settings: Settings, problem: Problem, *, seed: int, threads: int, on_epoch: Callable[[Epoch], None]
) -> Trained:
    """Train on the training part, validate after each epoch and call ``on_epoch``.

    Ends early after an epoch in which there was nothing to learn from. Deterministic in settings, problem, seed and
    threads, apart from the time. Raises Diverged.
    """
    torch.set_num_threads(threads)
    # The same as use_deterministic_algorithms, which also imports torch's compiler: seconds of each trial.
    torch.set_deterministic_debug_mode("error")
    torch.manual_seed(seed)
    start = time.perf_counter()
    best: tuple[Epoch, dict[str, Tensor]] | None = None
    try:
        network = Network(settings, problem.inputs, problem.classes)
        for epoch in _epochs(network, settings, problem):
            on_epoch(epoch)
            if best is None or epoch.validation.accuracy >= best[0].validation.accuracy:
                best = epoch, copy.deepcopy(network.state_dict())
    except SpikesTooFarApart as error:
        raise Diverged(str(error)) from error
    if best is None:
        raise AssertionError("settings let a training without epochs through")
    network.load_state_dict(best[1])
    return Trained(network, best[0], epoch.number, time.perf_counter() - start)


@torch.inference_mode()
def evaluate(network: Network, spikes: Spikes) -> Score:
    """Return the score on a part of the data."""
    batches = zip(*(torch.split(part, EVALUATION_BATCH) for part in (spikes.times, spikes.labels)), strict=True)
    return _score([(network(times).outputs, labels) for times, labels in batches])


def _epochs(network: Network, settings: Settings, problem: Problem) -> Iterator[Epoch]:
    optimizer = Adam((network.weights, settings.learning_rate), (network.pulses, settings.learning_rate_pulses))
    for number in range(1, settings.epochs + 1):
        seen, changed = [], False
        for batch in torch.split(torch.randperm(len(problem.training)), settings.batch_size):
            labels = problem.training.labels[batch]
            activity = network(problem.training.times[batch])
            seen.append((activity.outputs.detach(), labels))
            learn_from = activity.predictions != labels
            if settings.update_all:
                learn_from |= True
            if learn_from.any():
                _step(network, optimizer, activity, labels, learn_from / learn_from.sum(), settings.penalty_no_spike)
                changed = True
        yield Epoch(number, _score(seen), evaluate(network, problem.validation))
        if not changed:
            return


def _step(
    network: Network, optimizer: Adam, activity: Activity, labels: Tensor, shares: Tensor, penalty: float
) -> None:
    """Move the network along the gradient, each example counted with its share (0 to 1, their sum 1)."""
    errors = functional.cross_entropy(_logits(activity.outputs), labels, reduction="none")
    loss = shares @ errors + penalty * network.silence(activity, shares)
    if not math.isfinite(value := loss.item()):
        raise Diverged(f"the training loss became {value}")
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()
    network.keep_pulses_after_start()


def _logits(outputs: Tensor) -> Tensor:
    """Return negative spike times; a silent output counts as the lowest probability that the loss tells from 0."""
    earliest = outputs.detach().amin(1, keepdim=True)
    silent = torch.where(earliest.isfinite(), earliest, 0) - math.log(LOSS_EPSILON)
    return -torch.where(outputs.isfinite(), outputs, silent)


def _score(batches: list[tuple[Tensor, Tensor]]) -> Score:
    outputs, labels = (torch.cat(tensors) for tensors in zip(*batches, strict=True))
    probabilities = _logits(outputs).softmax(1).gather(1, labels[:, None])
    # The epsilon bounds what is reported, the gradient does without it; the paper's code does the same.
    loss = -(probabilities + LOSS_EPSILON).log().mean().item()
    hits = (Activity((outputs,)).predictions == labels).double().mean().item()
    earliest = outputs.amin(1)
    return Score(hits, loss, earliest[earliest.isfinite()].mean().item())
