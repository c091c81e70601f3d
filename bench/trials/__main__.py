"""``python -m bench.trials``: what the shipped training costs or saves compared to a plain PyTorch loop. Both train the
same networks on the same images with the same batches and optimizer, an epoch each in turn, in one process. On a GPU
there are a tuned plain loop, ours without CUDA graphs, and the limit beside them. Then whole trials are started.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import click
import torch
from rich.console import Console
from rich.table import Table

from bench.trials import loops, processes
from bench.trials.cases import ON_CPU, ON_GPU, Case, made_up
from evonas_trial.data import catalogue
from evonas_trial.data.images import Images
from evonas_trial.data.reading import locate
from evonas_trial.training.hardware import Hardware


@click.command()
@click.option("--images", default=4000, show_default=True, help="Training images of an epoch, of Fashion-MNIST.")
@click.option("--rounds", default=3, show_default=True, help="Epochs of each loop; the medians are printed.")
@click.option("--threads", default=2, show_default=True, help="CPU threads.")
@click.option("--device", default="auto", type=click.Choice(["auto", "cpu", "cuda"]), help="Where to train.")
@click.option("--data", help="Folder of Fashion-MNIST; by default where Debian's package puts it.")
@click.option("--epochs", default=3, show_default=True, help="Of the whole trials.")
def main(images: int, rounds: int, threads: int, device: str, data: str | None, epochs: int) -> None:
    """Measure images per second, and the time of a trial."""
    console = Console(width=150)
    hardware = Hardware.choose(device, threads=threads)
    part, _ = locate(catalogue.FASHION_MNIST, data).development(split_seed=0, limit=images)
    assert isinstance(part, Images)
    on_gpu = hardware.device.type == "cuda"
    print_rates(console, ON_GPU if on_gpu else ON_CPU, part, hardware, rounds)
    table = Table("until", "seconds", title="what ends before any data is read, from exec on")
    for name, seconds in processes.refusals(data, hardware.device.type):
        table.add_row(name, f"{seconds:.1f}")
    console.print(table)
    table = Table("trial", "first step", "report", title="seconds from exec, of trials of a single step")
    for name, step, seconds in processes.starts(data, hardware.device.type):
        table.add_row(name, f"{step:.1f}", f"{seconds:.1f}")
    console.print(table)
    table = Table("network", "settings", "seconds", title=f"{epochs} epochs of Fashion-MNIST, from exec to the report")
    whole = processes.whole(data, hardware.device.type, epochs=epochs, images=None if on_gpu else images)
    for network, settings, seconds in whole:
        table.add_row(network, settings, f"{seconds:.1f}")
    console.print(table)


def print_rates(console: Console, cases: Sequence[Case], part: Images, hardware: Hardware, rounds: int) -> None:
    """Print images per second of each loop, and what ours is in terms of the others."""
    on_gpu = hardware.device.type == "cuda"
    names = ["plain loop", *(["tuned plain loop", "cnn, no graph"] if on_gpu else []), "cnn"]
    shown = ["limit", "of the limit", "to tuned", "GPU busy"] if on_gpu else ["to plain"]
    table = Table("network", "batch", *names, *shown, title=f"images per second of training, {hardware.name}")
    for case in cases:
        rates, busy = _measure(case, made_up() if case.large else part, hardware, rounds, names)
        numbers = [f"{rates[name]:.0f}" for name in names]
        if on_gpu:
            most = loops.limit(case, hardware.used(case.settings))
            numbers += [f"{most:.0f}", f"{rates['cnn'] / most:.0%}", f"{rates['cnn'] / rates['tuned plain loop']:.1f}"]
            numbers.append(f"{busy:.0f} %")
        else:
            numbers.append(f"{rates['cnn'] / rates['plain loop']:.2f}")
        table.add_row(case.name, str(case.batch_size), *numbers)
        torch.cuda.empty_cache()
    console.print(table)


def _measure(
    case: Case, part: Images, hardware: Hardware, rounds: int, names: Sequence[str]
) -> tuple[dict[str, float], float]:
    """Return images per second by loop, and how busy the GPU was with ours in per cent; first epochs are warm-up."""
    used = hardware.used(case.settings)
    no_graph = replace(used, settings=replace(case.settings, graph=False))
    known = {
        "plain loop": lambda: loops.plain(case, part, hardware),
        "tuned plain loop": lambda: loops.plain(case, part, hardware, tuned=True),
        "cnn, no graph": lambda: loops.ours(case, part, no_graph),
        "cnn": lambda: loops.ours(case, part, used),
    }
    epochs = {name: known[name]() for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in epochs}
    busy: list[int] = []
    for number in range(rounds + 1):
        for name, epoch in epochs.items():
            # The plain loops set it to their own.
            hardware.used(case.settings)
            with _utilization(hardware) as samples:
                start = time.perf_counter()
                next(epoch)
                end = time.perf_counter()
            if number > 0:
                seconds[name].append(end - start)
                busy += samples if name == "cnn" else []
    images = len(part) // case.batch_size * case.batch_size
    rates = {name: images / statistics.median(times) for name, times in seconds.items()}
    return rates, statistics.fmean(busy) if busy else 0


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


if __name__ == "__main__":
    main()
