"""The spiking network as a trial: reads the candidate, trains it, reports validation accuracy as the reward."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from math import ceil, isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from evonas_trial import pausing, report, termination
from evonas_trial.data.places import DataMissing
from evonas_trial.decisions import fix_epochs, parse_option
from evonas_trial.spiking.feasibility import obstacle
from evonas_trial.spiking.settings import BOOLEAN_DECISIONS, IMAGE_DECISIONS, PROBLEMS, Settings
from evonas_trial.training.choosing import AUTO, GpuMissing, graph_pays
from evonas_trial.training.installed import leave_without_torch

if TYPE_CHECKING:
    from evonas_trial.spiking.training import Epoch
    from evonas_trial.training.checkpoint import Checkpoint


def main(arguments: Sequence[str] | None = None) -> None:
    """Train a spiking network with temporal coding. Settings that the search decides need no option."""
    termination.leave_on_sigterm()
    parser = _parser()
    options = parser.parse_args(arguments)
    names = {item.name for item in BOOLEAN_DECISIONS}
    given = {name: value for name, value in vars(options).items() if name in names and value is not None}
    try:
        decisions, seed = report.decisions(), report.seed()
        fixed = fix_epochs(decisions, given, report.rungs(), exactly=report.pauses())
        settings = Settings.read(options.problem, decisions, fixed)
        until = pausing.until(settings.epochs)
    except (report.ContractError, ValueError) as error:
        parser.error(str(error))
    if reason := obstacle(settings, options.problem):
        report.infeasible(reason)
    leave_without_torch()
    try:
        _train(settings, options, seed, until)
    except (report.ContractError, DataMissing, GpuMissing) as error:
        sys.exit(f"evonas: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evonas_trial.spiking", usage="%(prog)s --problem NAME [options]", description=main.__doc__
    )
    parser.add_argument("--problem", choices=PROBLEMS, required=True, help="what is to be classified")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where the images are")
    parser.add_argument(
        "--training-examples", type=_count, metavar="COUNT", help="train on this many examples (default: all)"
    )
    for item, image in zip(BOOLEAN_DECISIONS, IMAGE_DECISIONS, strict=True):
        default = f"default {image.default}, for Boolean problems {item.default}"
        parser.add_argument(
            item.option, type=parse_option, metavar="VALUE", help=f"{item.meaning}: {item.wanted} ({default})"
        )
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: a GPU where there is one"
    )
    parser.add_argument(
        "--graph",
        choices=(AUTO, "on", "off"),
        default=AUTO,
        help="on a GPU, replay a step as one CUDA graph (default auto: from 100 steps on)",
    )
    parser.add_argument("--threads", type=_count, default=1, metavar="COUNT", help="CPU threads (default 1)")
    parser.add_argument(
        "--checkpoint-dir", type=Path, metavar="DIR", help="a volume, from which another attempt goes on"
    )
    parser.add_argument("--final", action="store_true", help="also report test_accuracy, for a search's winner only")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a positive whole number, got {text!r}")
    return int(text)


def _train(settings: Settings, options: argparse.Namespace, seed: int, until: int) -> None:
    """Train and report; ends the process if the candidate is infeasible or the trial is told to stop."""
    # Before importing the libraries that start their thread pools on import.
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    from torch import OutOfMemoryError  # noqa: PLC0415

    from evonas_trial.spiking import problems, scoring, training  # noqa: PLC0415
    from evonas_trial.training.hardware import Hardware  # noqa: PLC0415
    from evonas_trial.training.loop import Diverged, Interrupted  # noqa: PLC0415

    def on_epoch(epoch: Epoch) -> None:
        # What a training of so many epochs would be rewarded with.
        best = epoch.best
        facts = {"reward": best.accuracy, "accuracy": best.accuracy, "loss": best.loss, "parameters": started.size}
        report.progress(epoch.number, settings.epochs, **facts)

    hardware = Hardware.choose(options.device, threads=options.threads)
    problem = problems.load(options.problem, options.data)
    if options.training_examples:
        problem = replace(problem, training=problem.training.first(options.training_examples))
    steps = settings.epochs * ceil(len(problem.training) / settings.batch_size)
    hardware = hardware.used(replace(hardware.settings, graph=graph_pays(steps, options.graph)))
    checkpoint = _checkpoint(settings, options, seed)
    # Without a checkpoint there is nothing to save, and SIGTERM ends the process at once.
    told_to_end = termination.Notice().given if checkpoint else lambda: False
    infeasible = None
    try:
        started = training.Training(
            settings,
            problem,
            hardware,
            seed=seed,
            checkpoint=checkpoint,
            told_to_end=told_to_end,
            rungs=report.rungs(),
            until=until,
        )
        trained = started.run(on_epoch, report.resumed)
    except Interrupted:
        termination.leave()
    except Diverged as diverged:
        infeasible = f"diverged: {diverged}"
    except OutOfMemoryError as error:
        infeasible = f"out of GPU memory with batch_size={settings.batch_size}: {error}"
    if infeasible:
        if checkpoint:
            checkpoint.remove()
        report.infeasible(infeasible)
    best = trained.best
    metrics = {
        "accuracy": best.validation.accuracy,
        "loss": best.validation.loss,
        "training_accuracy": best.training.accuracy,
        "parameters": started.size,
        "epochs": float(trained.epochs),
        "train_seconds": trained.train_seconds,
    }
    if isfinite(best.validation.first_spike):
        metrics["first_spike"] = best.validation.first_spike
    if options.final:
        test = problem.read_test().on(hardware.device)
        metrics["test_accuracy"] = scoring.Evaluation(trained.network, test, hardware).score().accuracy
    report.reward(best.validation.accuracy, metrics)
    if checkpoint and until == settings.epochs:
        checkpoint.remove()


def _checkpoint(settings: Settings, options: argparse.Namespace, seed: int) -> Checkpoint | None:
    """Return where this very training is saved, if anywhere."""
    from evonas_trial.training.checkpoint import Checkpoint  # noqa: PLC0415

    if options.checkpoint_dir is None:
        pausing.warn_that_nothing_is_kept()
        return None
    identity = {
        "program": "spiking",
        "settings": asdict(settings),
        "problem": options.problem,
        "training_examples": options.training_examples,
        "seed": seed,
    }
    return Checkpoint.of_trial(options.checkpoint_dir, identity)


if __name__ == "__main__":
    main()
