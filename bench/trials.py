"""``python -m bench.trials``: what the shipped training costs or saves compared to a plain PyTorch loop. Both train the
same networks on the same images with the same batches and optimizer, alternating, in one process. The plain loop is
that of PyTorch's tutorials: a data set of tensors, a DataLoader that shuffles, forward, backward, step. On a GPU there
is a second, tuned one: bfloat16, channels last, and workers that fill pinned memory. Then whole trials are started, and
the seconds of each part up to the end of the first step are printed.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
from evonas_trial.data.catalogue import DataSet
from evonas_trial.data.images import Images, normalization
from evonas_trial.data.reading import locate
from evonas_trial.training import batches
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.loop import Training
from tests.trial_image.released import A1

Epoch = Callable[[], object]

LOADER_WORKERS = 4
LARGE_IMAGES = 4096


@dataclass(frozen=True)
class Case:
    """A network and how it is trained."""

    name: str
    decisions: Mapping[str, Any]
    large: bool = False
    """On made-up images of ImageNet's size instead of Fashion-MNIST."""


SMALL = {"blocks": 2, "stem_stride": 2, "batch_size": 64}
INVERTED = {"blocks": 3, "op": "inverted", "stem_stride": 2, "se": 0.25, "batch_size": 64}

ON_CPU = (
    Case("regular, 2 blocks", SMALL),
    Case("inverted, 3 blocks", INVERTED),
    Case("regular, augmented", SMALL | {"augmentation": "crop_flip"}),
)
ON_GPU = (
    *ON_CPU,
    Case("inverted, 3 blocks", INVERTED | {"batch_size": 512}),
    Case("MnasNet's A1, 224 px", A1 | {"batch_size": 128}, large=True),
)


@click.command()
@click.option("--images", default=4000, show_default=True, help="Training images of an epoch, of Fashion-MNIST.")
@click.option("--rounds", default=3, show_default=True, help="Epochs of each loop; the medians are printed.")
@click.option("--threads", default=2, show_default=True, help="CPU threads.")
@click.option("--device", default="auto", type=click.Choice(["auto", "cpu", "cuda"]), help="Where to train.")
@click.option("--data", help="Folder of Fashion-MNIST; by default where Debian's package puts it.")
def main(images: int, rounds: int, threads: int, device: str, data: str | None) -> None:
    """Measure images per second, and the start of a trial."""
    console = Console()
    hardware = Hardware.choose(device, threads=threads)
    part, _ = locate(catalogue.FASHION_MNIST, data).development(split_seed=0, limit=images)
    assert isinstance(part, Images)
    on_gpu = hardware.device.type == "cuda"
    columns = ["cnn", "plain loop", *(["tuned plain loop"] if on_gpu else [])]
    shown = ["ratio", *(["GPU busy", "with the plain loop"] if on_gpu else [])]
    table = Table("network", "batch", *columns, *shown, title=f"images per second of training, {hardware.name}")
    for case in ON_GPU if on_gpu else ON_CPU:
        rates, busy = _measure(case, _made_up() if case.large else part, hardware, rounds)
        ratio = rates["cnn"] / max(rate for name, rate in rates.items() if "plain" in name)
        numbers = [f"{rates[name]:.0f}" for name in columns] + [f"{ratio:.2f}"]
        numbers += [f"{busy[name]:.0f} %" for name in ("cnn", "plain loop") if on_gpu]
        table.add_row(case.name, str(case.decisions["batch_size"]), *numbers)
    console.print(table)
    table = Table("until", "seconds", title="start of a trial on the digits, from exec on")
    for name, seconds in _start().items():
        table.add_row(name, f"{seconds:.1f}")
    console.print(table)


def _made_up() -> Images:
    return Images(torch.randint(256, (LARGE_IMAGES, 3, 224, 224), dtype=torch.uint8), torch.arange(LARGE_IMAGES) % 1000)


def _measure(case: Case, part: Images, hardware: Hardware, rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return images per second by loop, and how busy the GPU was in per cent; the first epochs are warm-up."""
    data_set = catalogue.folder(224, 1000) if case.large else catalogue.FASHION_MNIST
    batch_size = int(case.decisions["batch_size"])
    loops: dict[str, Epoch] = {
        "cnn": _ours(case, part, data_set, hardware),
        "plain loop": _plain(_model(case, data_set), part, hardware, batch_size),
    }
    if hardware.device.type == "cuda":
        loops["tuned plain loop"] = _plain(_model(case, data_set), part, hardware, batch_size, tuned=True)
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    busy: dict[str, list[int]] = {name: [] for name in loops}
    for number in range(rounds + 1):
        for name, epoch in loops.items():
            with _utilization(hardware) as samples:
                start = time.perf_counter()
                epoch()
                end = time.perf_counter()
            if number > 0:
                seconds[name].append(end - start)
                busy[name] += samples
    images = len(part) // batch_size * batch_size
    rates = {name: images / statistics.median(times) for name, times in seconds.items()}
    return rates, {name: statistics.fmean(samples) if samples else 0 for name, samples in busy.items()}


def _model(case: Case, data_set: DataSet) -> nn.Module:
    return build(read(dict(case.decisions) | {"epochs": 1}, {})[0], data_set.shape)


def _ours(case: Case, part: Images, data_set: DataSet, hardware: Hardware) -> Epoch:
    _, recipe = read(dict(case.decisions) | {"epochs": 1}, {})
    made = batches.make(
        part,
        normalization(part),
        hardware,
        batch_size=recipe.batch_size,
        seed=0,
        augmentation=recipe.augmentation,
        side=data_set.shape.side,
    )
    model = _model(case, data_set)

    def epoch() -> None:
        training = Training(model, recipe, made, None, hardware, classes=data_set.shape.classes, seed=0)
        training.run(lambda _epoch, _score: None)

    return epoch


def _plain(model: nn.Module, part: Images, hardware: Hardware, batch_size: int, *, tuned: bool = False) -> Epoch:
    """No augmentation here: the plain loop has none to compare with, so a separate line shows what ours costs."""
    figures = normalization(part)
    mean, deviation = (torch.tensor(values).view(1, -1, 1, 1) for values in (figures.mean, figures.deviation))
    pixels = (part.pixels.float() - mean) / deviation
    workers: dict[str, Any] = {"num_workers": LOADER_WORKERS, "pin_memory": True, "persistent_workers": True}
    loader = DataLoader(
        TensorDataset(pixels, part.labels), batch_size, shuffle=True, drop_last=True, **(workers if tuned else {})
    )
    device = hardware.device
    model = hardware.placed(model) if tuned else model.to(device)
    optimizer = torch.optim.Adam(model.parameters(), 0.003)

    def epoch() -> None:
        model.train()
        for images, labels in loader:
            optimizer.zero_grad()
            sent = images.to(device, non_blocking=tuned)
            if tuned:
                sent = sent.contiguous(memory_format=hardware.memory_format)
            with torch.autocast(device.type, torch.bfloat16, enabled=tuned):
                loss = functional.cross_entropy(model(sent), labels.to(device, non_blocking=tuned))
            torch.autograd.backward(loss)
            optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return epoch


@contextmanager
def _utilization(hardware: Hardware) -> Iterator[Sequence[int]]:
    """Yield what will hold, after the block, the GPU's utilization as its driver reports it, ten times a second."""
    samples: list[int] = []
    if hardware.device.type != "cuda":
        yield samples
        return
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "100"]
    with subprocess.Popen(query, stdout=subprocess.PIPE, text=True) as sampler:
        yield samples
        sampler.terminate()
        samples += [int(line) for line in sampler.communicate()[0].splitlines() if line.isdecimal()]


def _start() -> dict[str, float]:
    """Run trials that end after more and more of a trial's start."""
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
