"""What is searched: spaces of the shipped programs ``mlp`` and ``cnn`` on real images, trained in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

import torch
from torch import nn

from bench.curves.fashion_mnist import SPACE, VALIDATION_IMAGES
from bench.curves.make_table import SHAPE, TRAINING_IMAGES, averaged
from bench.inheritance.weights import State, inherit
from evonas.space import Choices, SearchSpace, Value
from evonas_trial.cnn import model as cnn_model
from evonas_trial.cnn import settings as cnn_settings
from evonas_trial.data.catalogue import DIGITS, FASHION_MNIST, Shape
from evonas_trial.data.images import Normalization, Part, normalization
from evonas_trial.data.reading import locate
from evonas_trial.mlp import model as mlp_model
from evonas_trial.mlp import settings as mlp_settings
from evonas_trial.training import batches
from evonas_trial.training.evaluation import Evaluation
from evonas_trial.training.hardware import Hardware, derived_seed
from evonas_trial.training.loop import Diverged, Training

CNN_SPACE = SearchSpace.parse(
    [
        {"name": "blocks", "values": [1, 2, 3]},
        {"name": "width", "values": [0.5, 1]},
        {"name": "op", "values": ["regular", "separable"]},
        {"name": "layers", "values": [1, 2]},
        {"name": "kernel", "values": [3, 5]},
        {"name": "kernel_2", "values": [3, 5], "when": {"name": "blocks", "values": [2, 3]}},
        {"name": "kernel_3", "values": [3, 5], "when": {"name": "blocks", "values": [3]}},
        {"name": "skip", "values": ["none", "identity", "pool"]},
        {"name": "activation", "values": ["relu", "swish", "tanh", "sigmoid"]},
        {"name": "normalization", "values": ["batch", "group", "none"]},
        {"name": "head_filters", "values": [0, 32]},
    ]
)
"""The architecture alone: no child can hide behind its parent by hardly learning, as with a small learning rate."""

Data = tuple[Part, Part, Part]
"""Images to train on, to validate on, and to test on."""

GUESSING = 0.1
"""The accuracy of ten equal classes: what a training is worth that diverged, and a search without a result."""
REPEATS = 2
"""Trainings by which a candidate is judged."""
_JUDGING = 1_000_000
"""Seed of these; none of a search."""


@dataclass(frozen=True)
class Trained:
    """What became of one training."""

    accuracy: float | None
    """Share of the validation images; None if it has diverged."""
    epochs: int
    """How many it took; those that it began, if it has diverged."""
    seconds: float
    """CPU time, validation included."""
    inherited: float
    """Share of the weights that came from the parent."""
    model: nn.Module


@dataclass(frozen=True)
class Problem:
    """A space, and data on which its candidates are trained."""

    name: str
    space: SearchSpace
    epochs: int
    """Of a full training; a multiple of 3."""
    shape: Shape
    data: Data
    read: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[Any, Any]]
    build: Callable[[Any, Shape], nn.Module]
    fixed: Mapping[str, Value]

    def train(
        self,
        decisions: Mapping[str, Value],
        epochs: int,
        seed: int,
        parent: State | None = None,
        *,
        slices: bool = False,
    ) -> Trained:
        """Train a candidate, from its parent's weights if there are any: a function of the arguments."""
        network, recipe = self.read(decisions, {"epochs": epochs, **self.fixed})
        torch.manual_seed(seed)
        model = self.build(network, self.shape)
        inherited = 0.0 if parent is None else inherit(model, parent, slices=slices)
        training, validation, _ = self.data
        done: list[int] = []
        accuracy = None
        # The thread's own time: other processes of this machine do not count.
        began = time.thread_time()
        loop = Training(
            model,
            recipe,
            self._batches(training, recipe.batch_size, seed),
            self._batches(validation, len(validation), 0),
            _hardware(),
            classes=self.shape.classes,
            seed=seed,
        )
        try:
            accuracy = loop.run(lambda epoch, score: done.append(epoch)).accuracy
        except Diverged:
            done.append(len(done) + 1)
        return Trained(accuracy, len(done), time.thread_time() - began, inherited, model)

    def test(self, trained: Trained) -> float:
        """Return the share of the test images that a network gets right."""
        if trained.accuracy is None:
            return GUESSING
        test = self.data[2]
        return Evaluation(trained.model, self._batches(test, min(len(test), 2000), 0), _hardware()).score().accuracy

    def _batches(self, part: Part, batch_size: int, seed: int) -> batches.Batches:
        return batches.make(
            part, self._normalization, _hardware(), batch_size=batch_size, seed=seed, side=self.shape.side
        )

    @cached_property
    def _normalization(self) -> Normalization:
        return normalization(self.data[0])


@cache
def problem(name: str) -> Problem:
    """Return a problem by its name: the program and the data."""
    return PROBLEMS[name]()


@lru_cache(maxsize=128)
def from_scratch(name: str, choices: Choices, epochs: int, seed: int) -> Trained:
    """Return a training that needs no parent; searches of the same seed begin with the same ones."""
    subject = problem(name)
    return subject.train(subject.space.to_candidate(choices), epochs, seed)


@cache
def judge(name: str, choices: Choices) -> float:
    """Return what a candidate is worth: its mean accuracy on the test images after full trainings from scratch, with
    seeds of their own."""
    subject = problem(name)
    decisions = subject.space.to_candidate(choices)
    repeats = [subject.train(decisions, subject.epochs, derived_seed(_JUDGING, repeat)) for repeat in range(REPEATS)]
    return sum(map(subject.test, repeats)) / REPEATS


@cache
def _hardware() -> Hardware:
    return Hardware.choose("cpu", threads=1)


@cache
def _digits() -> Data:
    located = locate(DIGITS, None)
    return *located.development(split_seed=0), located.test()


@cache
def _fashion_mnist() -> Data:
    located = locate(FASHION_MNIST, None)
    parts = located.development(split_seed=0, validation_share=VALIDATION_IMAGES / 60_000, limit=TRAINING_IMAGES)
    training, validation, test = map(averaged, (*parts, located.test()))
    return training, validation, test


def _mlp(name: str, shape: Shape, data: Data) -> Problem:
    return Problem(name, SPACE, 9, shape, data, mlp_settings.read, mlp_model.build, {})


def _cnn(name: str, shape: Shape, data: Data) -> Problem:
    fixed = {"stem_filters": 8, "stem_stride": 2, "batch_size": 64, "learning_rate": 0.01}
    return Problem(name, CNN_SPACE, 6, shape, data, cnn_settings.read, cnn_model.build, fixed)


PROBLEMS: Mapping[str, Callable[[], Problem]] = {
    "digits-mlp": lambda: _mlp("digits-mlp", DIGITS.shape, _digits()),
    "fashion-mnist-mlp": lambda: _mlp("fashion-mnist-mlp", SHAPE, _fashion_mnist()),
    "digits-cnn": lambda: _cnn("digits-cnn", DIGITS.shape, _digits()),
}
