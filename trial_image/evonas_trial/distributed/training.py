"""The part of the training that uses torch: each process learns from its share of every step's images, and gloo
averages their gradients, so that all hold the same weights.

Whether to go on is decided by what all of them have seen: one that stopped alone would leave the others waiting. Rank 0
validates and reports; the others end well and say nothing, whatever became of the candidate.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor, distributed
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from evonas_trial import pausing, report
from evonas_trial.data.catalogue import DataSet
from evonas_trial.data.images import normalization
from evonas_trial.data.reading import locate
from evonas_trial.mlp.model import build
from evonas_trial.mlp.settings import Network
from evonas_trial.training import batches, schedule
from evonas_trial.training.batches import Batches
from evonas_trial.training.evaluation import Evaluation
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.loop import DIVERGED_FACTOR
from evonas_trial.training.optimizers import Optimizer, zero_rate
from evonas_trial.training.recipe import Recipe

_EVALUATION_BATCH_SIZE = 256


@dataclass(frozen=True)
class Share:
    """Which of the processes this one is."""

    rank: int
    world: int

    def of(self, source: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return this process's part of what a step is made of."""
        return tuple(tensor[self.rank :: self.world] for tensor in source)


def run(share: Share, network: Network, recipe: Recipe, data_set: DataSet, options: argparse.Namespace) -> None:
    """Train with the others, and in rank 0 report."""
    hardware = Hardware.choose("cpu", threads=options.threads)
    training, validation = locate(data_set, options.data).development(split_seed=0)
    seed, normalized, side = report.seed(), normalization(training), data_set.shape.side
    seen = batches.make(
        training,
        normalized,
        hardware,
        batch_size=recipe.batch_size,
        seed=seed,
        augmentation=recipe.augmentation,
        side=side,
    )
    held_out = batches.make(validation, normalized, hardware, batch_size=_EVALUATION_BATCH_SIZE, seed=0, side=side)
    torch.manual_seed(seed)
    model = build(network, data_set.shape)
    distributed.init_process_group("gloo")
    try:
        parallel = DistributedDataParallel(model)
        _train(share, parallel, recipe, seen, Evaluation(model, held_out, hardware))
    finally:
        distributed.destroy_process_group()


def _train(
    share: Share, parallel: DistributedDataParallel, recipe: Recipe, seen: Batches, evaluation: Evaluation
) -> None:
    optimizer, rate = Optimizer(parallel.module, recipe), zero_rate(torch.device("cpu"))
    too_much, until = DIVERGED_FACTOR * math.log(10), pausing.until(recipe.epochs)
    metrics, began = {"processes": float(share.world)}, time.perf_counter()
    for epoch in range(until):
        loss = _epoch(share, parallel, recipe, seen, optimizer, rate, epoch)
        diverged = not loss <= too_much  # Also true for NaN.
        if share.rank:
            if diverged:
                return
            continue
        if diverged:
            report.infeasible(f"diverged: the mean training loss of epoch {epoch + 1} is {loss:.3g}", metrics)
        score = evaluation.score()
        metrics |= {"accuracy": score.accuracy, "loss": score.loss, "train_seconds": time.perf_counter() - began}
        if epoch + 1 < until:
            report.progress(epoch + 1, recipe.epochs, **metrics)
    if share.rank == 0:
        report.reward(metrics["accuracy"], metrics)


def _epoch(
    share: Share,
    parallel: DistributedDataParallel,
    recipe: Recipe,
    seen: Batches,
    optimizer: Optimizer,
    rate: Tensor,
    epoch: int,
) -> float:
    """Take an epoch's steps; return the mean loss of the images of all processes."""
    parallel.train()  # type: ignore[no-untyped-call]  # PyTorch gives it no type.
    total = torch.zeros((), dtype=torch.float64)
    for step, source in enumerate(seen.shuffled(epoch, 0)):
        progress = (epoch + step / len(seen)) / recipe.epochs
        warmup = min(1.0, recipe.warmup_epochs / recipe.epochs)
        rate.fill_(recipe.learning_rate * schedule.factor(recipe.schedule, progress, warmup))
        images, labels = seen.made(*share.of(source))
        loss = functional.cross_entropy(parallel(images), labels, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step(rate)
        total += loss.detach() * len(labels)
    distributed.all_reduce(total)
    return float(total) / (len(seen) * seen.batch_size)
