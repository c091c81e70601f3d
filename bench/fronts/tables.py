"""Problems from tables of trained networks (``bench.agents.tables``): accuracy against what it costs.

A trial reports the result of one training seed, as it would be; a candidate's true values are the means over its seeds.
Candidates less accurate than the table's median are worth nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.agents.problem import Decisions
from bench.agents.tables import Table, open_table
from bench.fronts.problem import Problem, Values, span, volume

COLLECTIONS = ("nasbench201", "hpobench")
"""What the names of these problems begin with."""
NASBENCH201 = ("cifar10", "cifar100", "imagenet")
COSTS = {"latency": ("latency",), "size": ("model_size",), "both": ("latency", "model_size")}
"""What a network of NAS-Bench-201 costs, by the problem's last word."""
HPOBENCH = ("australian", "car", "segment", "vehicle")


def nasbench201(data_set: str, costs: str) -> Problem:
    """Return a cell search of NAS-Bench-201 (Dong & Yang, arXiv 2001.00326): accuracy against ``COSTS``."""
    table = open_table("nasbench201", "nb201_properties", data_set)
    return _problem(f"nasbench201-{data_set}-{costs}", table, "val_acc", COSTS[costs])


def hpobench(data_set: str) -> Problem:
    """Return a search over multi-layer perceptrons of HPOBench (Eggensperger et al., arXiv 2109.06716): accuracy
    against the seconds of training.
    """
    table = open_table("hpobench", "hpobench_properties", data_set)
    return _problem(f"hpobench-{data_set}-time", table, "val_acc", ("train_time",))


def _problem(name: str, table: Table, accuracy: str, costs: Sequence[str]) -> Problem:
    results = {
        key: np.column_stack([np.array(row[accuracy], float), *(-np.array(row[cost], float) for cost in costs)])
        for key, row in table.rows.items()
    }
    means = {key: values.mean(axis=0) for key, values in results.items()}
    everything = np.array([*means.values()])
    axes = span((accuracy, *costs), everything, [float(np.median(everything[:, 0])), *(None for _ in costs)])

    def report(decisions: Decisions, random: np.random.Generator) -> Values:
        return tuple(random.choice(results[table.key(decisions)]).tolist())

    def judge(decisions: Decisions) -> Values:
        return tuple(means[table.key(decisions)].tolist())

    return Problem(name, table.space, axes, judge, volume(axes, everything), report)
