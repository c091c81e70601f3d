"""Training one candidate and measuring it."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from torch.optim import Optimizer

from evonas_trial.cnn.model import build, parameters
from evonas_trial.cnn.settings import Settings
from evonas_trial.data import Digits, Images

MOMENTUM = 0.9
LATENCY_RUNS = 100


class Diverged(Exception):
    """The loss is no finite number any more."""


@dataclass(frozen=True)
class Score:
    """How a network does on a part of the data."""

    accuracy: float
    loss: float
    """Mean cross-entropy in nats."""


@dataclass(frozen=True)
class Trained:
    """A trained network and what is known about it."""

    model: nn.Module
    validation: Score
    parameters: int
    latency_ms: float
    """Median time of one image's inference on this machine's CPU."""
    train_seconds: float
    """Time of all epochs, their validation included."""


def train(
    settings: Settings, digits: Digits, *, seed: int, threads: int, on_epoch: Callable[[int, Score], None]
) -> Trained:
    """Train on the training part, validate after each epoch and call ``on_epoch`` (from 1) with the result.

    Deterministic in settings, seed and threads, apart from the times. Raises Diverged.
    """
    torch.set_num_threads(threads)
    # The same as use_deterministic_algorithms, which also imports torch's compiler: seconds of each trial.
    torch.set_deterministic_debug_mode("error")
    torch.manual_seed(seed)
    model = build(settings)
    optimizer = _optimizer(model, settings)
    start = time.perf_counter()
    for epoch in range(1, settings.epochs + 1):
        _train_epoch(model, optimizer, digits.training, settings.batch_size)
        validation = evaluate(model, digits.validation)
        if not math.isfinite(validation.loss):
            raise Diverged(f"the validation loss is {validation.loss} after epoch {epoch}")
        on_epoch(epoch, validation)
    seconds = time.perf_counter() - start
    return Trained(model, validation, parameters(model), _latency_ms(model, digits.validation), seconds)


@torch.inference_mode()
def evaluate(model: nn.Module, images: Images) -> Score:
    """Return the score on a part of the data."""
    model.eval()
    logits = model(images.pixels)
    hits = (logits.argmax(1) == images.labels).sum().item()
    return Score(hits / len(images), functional.cross_entropy(logits, images.labels).item())


def _train_epoch(model: nn.Module, optimizer: Optimizer, images: Images, batch_size: int) -> None:
    model.train()
    for batch in torch.split(torch.randperm(len(images)), batch_size):
        loss = functional.cross_entropy(model(images.pixels[batch]), images.labels[batch])
        if not math.isfinite(value := loss.item()):
            raise Diverged(f"the training loss became {value}")
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()


def _optimizer(model: nn.Module, settings: Settings) -> Optimizer:
    rate, decay = settings.learning_rate, settings.weight_decay
    match settings.optimizer:
        case "SGD":
            return torch.optim.SGD(model.parameters(), rate, momentum=MOMENTUM, weight_decay=decay)
        case "Adam":
            return torch.optim.Adam(model.parameters(), rate, weight_decay=decay)
        case "AdaGrad":
            return torch.optim.Adagrad(model.parameters(), rate, weight_decay=decay)
        case "RMSprop":
            return torch.optim.RMSprop(model.parameters(), rate, weight_decay=decay)
    raise AssertionError(f"settings let {settings.optimizer!r} through")


@torch.inference_mode()
def _latency_ms(model: nn.Module, images: Images) -> float:
    model.eval()
    image = images.pixels[:1]
    times = []
    for _ in range(LATENCY_RUNS):
        start = time.perf_counter()
        model(image)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000
