"""The CNN as a trial: reads the candidate, trains it, reports validation accuracy as the reward."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evonas_trial import report
from evonas_trial.cnn.feasibility import obstacle
from evonas_trial.cnn.settings import Settings, described, option_of, parse_option
from evonas_trial.termination import leave_on_sigterm

if TYPE_CHECKING:
    from evonas_trial.cnn.training import Score


def main(arguments: Sequence[str] | None = None) -> None:
    """Train a small CNN on handwritten digits. Settings that the search decides need no option."""
    leave_on_sigterm()
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    final, threads = options.pop("final"), options.pop("threads")
    fixed = {name: value for name, value in options.items() if value is not None}
    try:
        settings, seed = Settings.read(report.decisions(), fixed), report.seed()
    except (report.ContractError, ValueError) as error:
        parser.error(str(error))
    if reason := obstacle(settings):
        report.infeasible(reason)
    try:
        report.reward(**_train(settings, seed=seed, threads=threads, final=final))
    except report.ContractError as error:
        sys.exit(f"evonas: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evonas_trial.cnn", usage="%(prog)s [options]", description=main.__doc__
    )
    for item in described():
        default = "" if item.default is None else f" (default {item.default})"
        parser.add_argument(
            option_of(item.name),
            type=parse_option,
            metavar="VALUE",
            help=f"{item.metadata['meaning']}: {item.metadata['wanted']}{default}",
        )
    parser.add_argument("--threads", type=_threads, default=1, metavar="COUNT", help="CPU threads (default 1)")
    parser.add_argument("--final", action="store_true", help="also report test_accuracy, for a search's winner only")
    return parser


def _threads(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, got {text!r}")
    return int(text)


def _train(settings: Settings, *, seed: int, threads: int, final: bool) -> Mapping[str, Any]:
    """Return what to report; ends the process where the training diverges."""
    # Before the libraries that start their thread pools when imported.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    from evonas_trial import data  # noqa: PLC0415
    from evonas_trial.cnn import training  # noqa: PLC0415

    def on_epoch(epoch: int, score: Score) -> None:
        report.progress(epoch, settings.epochs, accuracy=score.accuracy, loss=score.loss)

    digits = data.load()
    try:
        trained = training.train(settings, digits, seed=seed, threads=threads, on_epoch=on_epoch)
    except training.Diverged as diverged:
        report.infeasible(f"diverged: {diverged}")
    metrics = {
        "accuracy": trained.validation.accuracy,
        "loss": trained.validation.loss,
        "parameters": float(trained.parameters),
        "latency_ms": trained.latency_ms,
        "train_seconds": trained.train_seconds,
    }
    if final:
        metrics["test_accuracy"] = training.evaluate(trained.model, digits.test).accuracy
    return {"value": trained.validation.accuracy, "metrics": metrics}


if __name__ == "__main__":
    main()
