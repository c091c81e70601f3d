"""``python -m bench.trials``: what the shipped training adds to, or saves of, a plain PyTorch loop over the same model.

Both train the same networks on the same images with the same batches and optimizer, in turns, in one process. The plain
loop is the one of PyTorch's tutorials: a data set of tensors, a DataLoader that shuffles, forward, backward, step. Then
whole trials are started, and the seconds of each part until the first step is done are told.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import click
import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from evonas_trial.cnn.model import build
from evonas_trial.cnn.settings import read
from evonas_trial.data import catalogue
from evonas_trial.data.images import Images, normalization
from evonas_trial.data.reading import locate
from evonas_trial.training import batches
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.loop import Training
from evonas_trial.training.recipe import Recipe

NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "regular, 2 blocks": {"blocks": 2, "stem_stride": 2},
    "inverted, 3 blocks": {"blocks": 3, "op": "inverted", "stem_stride": 2, "se": 0.25},
    "regular, augmented": {"blocks": 2, "stem_stride": 2, "augmentation": "crop_flip"},
}


@click.command()
@click.option("--images", default=4000, show_default=True, help="Training images of an epoch.")
@click.option("--rounds", default=3, show_default=True, help="Epochs of each loop; the medians are told.")
@click.option("--threads", default=2, show_default=True, help="CPU threads.")
@click.option("--data", help="Folder of Fashion-MNIST; by default where Debian's package puts it.")
def main(images: int, rounds: int, threads: int, data: str | None) -> None:
    """Measure images per second, and the start of a trial."""
    console = Console()
    hardware = Hardware.choose("auto", threads=threads)
    part, _ = locate(catalogue.FASHION_MNIST, data).development(split_seed=0, limit=images)
    assert isinstance(part, Images)
    title = f"images per second of training, {hardware.device.type}, {threads} threads, batches of 64"
    table = Table("network", "cnn", "plain loop", "ratio", title=title)
    for name, decisions in NETWORKS.items():
        ours, plain = _rates(dict(decisions), part, hardware, rounds)
        table.add_row(name, f"{ours:.0f}", f"{plain:.0f}", f"{ours / plain:.2f}")
    console.print(table)
    table = Table("until", "seconds", title="start of a trial on the digits, from exec on")
    for name, seconds in _start().items():
        table.add_row(name, f"{seconds:.1f}")
    console.print(table)


def _rates(decisions: dict[str, Any], part: Images, hardware: Hardware, rounds: int) -> tuple[float, float]:
    """Return images per second of ours and of the plain loop, an epoch of each in turns; the first is warm-up."""
    network, recipe = read(decisions | {"batch_size": 64, "epochs": 1}, {})
    ours, plain = [], []
    for _ in range(rounds + 1):
        ours.append(_timed(_our_epoch(build(network, catalogue.FASHION_MNIST.shape), recipe, part, hardware)))
        plain.append(_timed(_plain_epoch(build(network, catalogue.FASHION_MNIST.shape), recipe, part, hardware)))
    images = len(part) // recipe.batch_size * recipe.batch_size
    return images / statistics.median(ours[1:]), images / statistics.median(plain[1:])


def _our_epoch(model: nn.Module, recipe: Recipe, part: Images, hardware: Hardware) -> Callable[[], object]:
    made = batches.make(
        part,
        normalization(part),
        hardware,
        batch_size=recipe.batch_size,
        seed=0,
        augmentation=recipe.augmentation,
        side=catalogue.FASHION_MNIST.shape.side,
    )
    training = Training(model, recipe, made, None, hardware, classes=10, seed=0)
    return lambda: training.run(lambda _epoch, _score: None)


def _plain_epoch(model: nn.Module, recipe: Recipe, part: Images, hardware: Hardware) -> Callable[[], object]:
    """No augmentation here: the plain loop has none to compare with, so that line asks what ours costs."""
    figures = normalization(part)
    pixels = (part.pixels.float() - figures.mean[0]) / figures.deviation[0]
    loader = DataLoader(TensorDataset(pixels, part.labels), recipe.batch_size, shuffle=True, drop_last=True)
    model = model.to(hardware.device)
    optimizer = torch.optim.Adam(model.parameters(), recipe.learning_rate)

    def epoch() -> None:
        model.train()
        for images, labels in loader:
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(images.to(hardware.device)), labels.to(hardware.device))
            torch.autograd.backward(loss)
            optimizer.step()
        if hardware.device.type == "cuda":
            torch.cuda.synchronize()

    return epoch


def _timed(epoch: Callable[[], object]) -> float:
    start = time.perf_counter()
    epoch()
    return time.perf_counter() - start


def _start() -> dict[str, float]:
    """Run trials that end after ever more of a trial's beginning."""
    contract = {"EVONAS_DECISIONS": "{}", "EVONAS_SEED": "0"}
    one_step = ["--epochs", "1", "--limit", "32", "--batch-size", "32"]
    stages = {
        "a candidate is refused": [*one_step, "--blocks", "9"],
        "parameters and multiply-adds are known": [*one_step, "--dry-run"],
        "the first step, its validation and the report are done": one_step,
    }
    found = {}
    for name, arguments in stages.items():
        command = [sys.executable, "-m", "evonas_trial", "cnn", *arguments]
        start = time.perf_counter()
        subprocess.run(command, env=os.environ | contract, capture_output=True, check=False)
        found[name] = time.perf_counter() - start
    return found


if __name__ == "__main__":
    main()
