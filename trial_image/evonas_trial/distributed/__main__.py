"""``python -m evonas_trial distributed``: the network of ``mlp``, data-parallel on CPUs, in as many processes as
``WORLD_SIZE`` says. ``torchrun`` sets that and the other variables of ``torch.distributed``, or the manifest does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from evonas_trial import pausing, report, termination
from evonas_trial.data import catalogue
from evonas_trial.data.places import DataMissing
from evonas_trial.decisions import fix_epochs, parse_option
from evonas_trial.mlp import settings
from evonas_trial.training.installed import leave_without_torch
from evonas_trial.training.recipe import Recipe


def main(arguments: Sequence[str] | None = None) -> None:
    """Train one candidate together with the other processes; only rank 0 reports."""
    termination.leave_on_sigterm()
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        searched = report.decisions()
        given = {item.name: value for item in settings.DECISIONS if (value := getattr(options, item.name)) is not None}
        fixed = fix_epochs(searched, given, report.rungs(), exactly=report.pauses())
        network, recipe = settings.read(searched, fixed)
        rank, world = _whole("RANK"), _whole("WORLD_SIZE")
        pausing.until(recipe.epochs)
    except (report.ContractError, ValueError) as error:
        parser.error(str(error))
    data_set = catalogue.known(options.dataset)
    if reason := settings.obstacle(network, recipe, data_set.shape) or _obstacle(network, recipe, world):
        report.infeasible(reason)
    leave_without_torch()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    pausing.warn_that_nothing_is_kept()
    from evonas_trial.distributed import training  # noqa: PLC0415

    try:
        training.run(training.Share(rank, world), network, recipe, data_set, options)
    except (DataMissing, report.ContractError) as error:
        sys.exit(f"evonas: {error}")
    except SystemExit as said:
        if isinstance(said.code, int):
            termination.leave_with(said.code)
        raise
    termination.leave_with(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evonas_trial distributed",
        usage="%(prog)s [options]",
        description="Train a network of one hidden layer on images, in the processes that RANK, WORLD_SIZE, "
        "MASTER_ADDR and MASTER_PORT describe; what the search decides needs no option.",
    )
    for item in settings.DECISIONS:
        default = f"{item.meaning}: {item.wanted} (default {json.dumps(item.default)})"
        parser.add_argument(item.option, type=parse_option, metavar="VALUE", help=default)
    parser.add_argument("--dataset", choices=("digits", "mnist", "fashion-mnist"), default="digits")
    parser.add_argument("--data", metavar="DIR", help="folder of its files; by default EVONAS_DATA, then known places")
    parser.add_argument("--threads", type=int, default=1, metavar="COUNT", help="CPU threads of a process (default 1)")
    return parser


def _whole(variable: str) -> int:
    text = os.environ.get(variable, "")
    if not text.isdecimal():
        raise ValueError(f"{variable} must be a whole number, got {text!r}: start this by torchrun, or set it")
    return int(text)


def _obstacle(network: settings.Network, recipe: Recipe, world: int) -> str | None:
    """Return why the images of a step cannot be shared out; None if they can."""
    if recipe.batch_size % world:
        return f"a batch_size of {recipe.batch_size} cannot be shared out to {world} processes"
    if network.batch_norm and recipe.batch_size == world:
        return f"batch normalization needs two images in each of {world} processes, got batch_size {recipe.batch_size}"
    if recipe.initialize_with_pretrained:
        return "initialize_with_pretrained is not known here"
    return None


if __name__ == "__main__":
    main()
