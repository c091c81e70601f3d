"""``python -m bench.spiking``: the spiking network's learning curve on MNIST, and the speed of its neurons and steps.

The curve is that of the published program's own command for MNIST, and is compared with a log by one of its users. The
speed of neurons is that of the whole batch at once, compared to one neuron after the other. That of steps is, on a GPU,
of one that waits to look at what it computed, as was done until steps were recorded, of one that is launched kernel by
kernel, and of one that is replayed; the limit is the GPU's own time for a replay.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.special import lambertw

from evonas_trial.spiking.network import Network
from evonas_trial.spiking.neuron import Neuron, spike_times
from evonas_trial.spiking.problems import Problem, load
from evonas_trial.spiking.settings import Settings
from evonas_trial.spiking.step import Step
from evonas_trial.spiking.training import Epoch, Training
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.replay import Replayed

Numbers = NDArray[np.float64]

COMMAND = {
    "batch_size": 32,
    "clip_derivative": 539.69974,
    "decay_constant": 0.1817695,
    "fire_threshold": 1.1673205,
    "learning_rate": 0.00101864,
    "learning_rate_pulses": 0.0953753,
    "nonpulse_weight_mean_multiplier": -0.2754188,
    "penalty_no_spike": 48.3748307,
    "pulse_weight_mean_multiplier": 7.8391246,
}
"""google/ihmehimmeli, README; batch size and learning rates differ from the paper's table."""

REFERENCE = ((68.7, 82.9), (88.8, 89.7), (91.6, 91.7))
"""Accuracy in per cent over training, and in validation, by epoch."""


@click.command()
@click.option(
    "--minutes", default=20.0, show_default=True, help="Of the curve; no epoch begins that would end later. 0: none."
)
@click.option("--threads", default=2, show_default=True, help="CPU threads of the training; the speed is for one.")
@click.option("--device", default="auto", type=click.Choice(["auto", "cpu", "cuda"]), help="Where to train.")
@click.option("--seed", default=0, show_default=True, help="Seed of the weights and the order of the examples.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder with MNIST's idx files.")
def main(minutes: float, threads: int, device: str, seed: int, data: Path | None) -> None:
    """Print the speed and the learning curve."""
    console = Console()
    problem = load("mnist", data)
    hardware = Hardware.choose(device, threads=1)
    compare_speed(problem, hardware, console)
    print_steps(problem, hardware, console)
    torch.set_num_threads(threads)
    if minutes:
        print_curve(problem, hardware, console, minutes=minutes, seed=seed)


class _TimeIsUp(Exception):
    pass


def print_curve(problem: Problem, hardware: Hardware, console: Console, *, minutes: float, seed: int) -> None:
    """Train for as long as there is time; each epoch's line is printed when it is done."""
    settings = Settings.read("mnist", COMMAND, {})
    console.print(f"MNIST, {len(problem.training)} training images, at most {minutes:g} minutes on {hardware.name}")
    console.print("epoch  training  validation   loss  first spike  seconds  reference")
    began = time.perf_counter()

    def on_epoch(epoch: Epoch) -> None:
        spent = time.perf_counter() - began
        known = REFERENCE[epoch.number - 1] if epoch.number <= len(REFERENCE) else ()
        console.print(
            f"{epoch.number:5}  {100 * epoch.training.accuracy:8.2f}  {100 * epoch.validation.accuracy:10.2f}"
            f"  {epoch.validation.loss:5.3f}  {epoch.validation.first_spike:11.2f}  {spent:7.0f}"
            f"  {' / '.join(map(str, known))}"
        )
        if spent * (epoch.number + 1) / epoch.number > 60 * minutes:
            raise _TimeIsUp

    with suppress(_TimeIsUp):
        Training(settings, problem, hardware, seed=seed).run(on_epoch)


def compare_speed(problem: Problem, hardware: Hardware, console: Console, *, batches: int = 20) -> None:
    """Time forward and backward of the hidden layer, freshly initialised, for batches of both published sizes."""
    torch.manual_seed(0)
    network = Network(Settings.read("mnist", COMMAND, {}), problem.inputs, problem.classes).to(hardware.device)
    weights, pulses = network.weights[0], network.pulses[0]
    table = Table(
        "batch",
        "batch at once, ms",
        "neuron by neuron, ms",
        "ratio",
        title=f"Forward and backward, 784-340, {hardware.name}",
    )

    def at_once(times: torch.Tensor) -> tuple[Numbers, Numbers]:
        weights.grad = None
        spikes = spike_times(times.to(hardware.device), pulses, weights, network.neuron).times
        torch.autograd.backward(torch.where(spikes.isfinite(), spikes, 0).sum())
        assert weights.grad is not None
        return _on_host(spikes), _on_host(weights.grad)

    def one_by_one(times: torch.Tensor) -> tuple[Numbers, Numbers]:
        every = np.concatenate([_on_host(times), np.tile(_on_host(pulses), (len(times), 1))], axis=1)
        return _neuron_by_neuron(every, _on_host(weights), network.neuron)

    for size in (5, 32):
        batch = problem.training.times[:size]
        for ours, theirs in zip(at_once(batch), one_by_one(batch), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0.02, atol=0.02)
        fast, slow = (_milliseconds(run, batch, batches) for run in (at_once, one_by_one))
        table.add_row(str(size), f"{fast:.1f}", f"{slow:.0f}", f"{slow / fast:.0f}")
    console.print(table)


def print_steps(problem: Problem, hardware: Hardware, console: Console) -> None:
    """Print how many images a second are trained on, with batches of both published sizes."""
    on_gpu = hardware.device.type == "cuda"
    ways = ["waiting", "called", "replayed", "limit"] if on_gpu else ["called"]
    table = Table("batch", *ways, title=f"Training steps on MNIST, images per second, {hardware.name}")
    examples = problem.training.on(hardware.device)
    for size in (5, 32):
        settings = Settings.read("mnist", {**COMMAND, "batch_size": size}, {})
        batches = torch.split(torch.arange(200 * size, device=hardware.device), size)

        def step(*, waits: bool, settings: Settings = settings) -> Step:
            torch.manual_seed(0)
            network = Network(settings, problem.inputs, problem.classes).to(hardware.device)
            return Step(settings, network, examples, waits=waits)

        if on_gpu:
            replayed = Replayed(step(waits=False), hardware, "the step")
            found = [
                _steps_per_second(_checked(step(waits=True)), batches),
                _steps_per_second(step(waits=False), batches),
                _steps_per_second(replayed, batches),
                1000 / _milliseconds_on_gpu(replayed, batches[0]),
            ]
        else:
            found = [_steps_per_second(_checked(step(waits=True)), batches[:20])]
        table.add_row(str(size), *(f"{size * one:,.0f}" for one in found))
    console.print(table)


def _checked(step: Step) -> Callable[[torch.Tensor], None]:
    def run(batch: torch.Tensor) -> None:
        step(batch)
        step.check()

    return run


def _steps_per_second(run: Callable[[torch.Tensor], object], batches: Sequence[torch.Tensor]) -> float:
    on_gpu = batches[0].device.type == "cuda"
    # On a CPU the process's own time: others on this machine do not count. A GPU is not shared here.
    clock = time.perf_counter if on_gpu else time.process_time

    def finish() -> None:
        if on_gpu:
            torch.cuda.synchronize()

    warm_up = len(batches) // 4
    for batch in batches[:warm_up]:
        run(batch)
    finish()
    began = clock()
    for batch in batches[warm_up:]:
        run(batch)
    finish()
    return (len(batches) - warm_up) / (clock() - began)


def _milliseconds_on_gpu(replayed: Replayed, batch: torch.Tensor, repetitions: int = 100) -> float:
    """Time replays of a recorded step by the GPU's own clock; the host is ahead of it."""
    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    replayed(batch)
    began.record()
    for _ in range(repetitions):
        replayed(batch)
    ended.record()
    ended.synchronize()
    return float(began.elapsed_time(ended)) / repetitions


def _on_host(tensor: torch.Tensor) -> Numbers:
    return tensor.detach().double().cpu().numpy()


def _milliseconds(run: Callable[[torch.Tensor], object], batch: torch.Tensor, repetitions: int) -> float:
    # The process's own time: others on this machine do not count. A host that waits for a GPU spins, and that counts.
    began = time.process_time()
    for _ in range(repetitions):
        run(batch)
    return (time.process_time() - began) / repetitions * 1000


def _neuron_by_neuron(times: Numbers, weights: Numbers, neuron: Neuron) -> tuple[Numbers, Numbers]:
    """Return spike times, (examples, neurons), and their sum's gradient by the weights; NumPy within a neuron."""
    spikes = np.full((len(times), weights.shape[1]), math.inf)
    gradient = np.zeros_like(weights)
    for example, own in enumerate(times):
        order = np.argsort(own)[: np.isfinite(own).sum()]
        sorted_times, grown = own[order], np.exp(neuron.decay * own[order])
        following = np.append(sorted_times[1:], math.inf)
        for number in range(weights.shape[1]):
            scaled = weights[order, number] * grown
            a = scaled.cumsum()
            with np.errstate(all="ignore"):
                b_over_a = (scaled * sorted_times).cumsum() / a
                argument = -neuron.decay * neuron.threshold / a * np.exp(neuron.decay * b_over_a)
                possible = np.flatnonzero((a > 0) & (argument >= -1 / math.e))
                w = lambertw(argument[possible]).real
                found = b_over_a[possible] - w / neuron.decay
                valid = np.flatnonzero((found >= sorted_times[possible]) & (found <= following[possible]))
            if not valid.size:
                continue
            last, w, spike = possible[valid[0]], w[valid[0]], found[valid[0]]
            spikes[example, number] = spike
            causal = slice(None, last + 1)
            steps = grown[causal] * (spike - sorted_times[causal]) / (a[last] * (1 + w))
            gradient[order[causal], number] -= np.minimum(steps, neuron.clip)
    return spikes, gradient


if __name__ == "__main__":
    main()
