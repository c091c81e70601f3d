"""Problems defined by formulas: counting, and what it lacks: hidden order, three-way interactions, conditions,
noise."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np

from bench.agents.problem import Decisions, Problem
from evonas.space import SearchSpace


def counting(n: int, values: int | None = None) -> Problem:
    """Return "learning to count" (Maziarz et al., arXiv 1811.09828): n decisions of n values, best 1, 2, … n.

    With fewer ``values`` than decisions, the best candidates never fall nor skip a value.
    """
    highest = n if values is None else values
    names = [f"a{position}" for position in range(1, n + 1)]

    def judge(decisions: Decisions) -> float:
        walk = [0, *(decisions[name] for name in names), highest + 1]
        return float((highest + 1) / sum((later - earlier) ** 2 for earlier, later in pairwise(walk)))

    space = SearchSpace.parse([{"name": name, "values": list(range(1, highest + 1))} for name in names])
    name = f"counting-{n}" if values is None else f"counting-{n}-to-{values}"
    budgets = (100, 200, 500, 1000, 2000) if n <= 20 else (500, 1000) if values else (500, 1000, 2000)
    return Problem(name, space, judge, budgets if n > 5 else (50, 100, 200, 500), optimum=1.0)


def noisy_counting(n: int, deviation: float) -> Problem:
    """Return counting whose trials report with normal noise; judged without."""
    exact = counting(n)

    def report(decisions: Decisions, random: np.random.Generator) -> float:
        return exact.judge(decisions) + deviation * float(random.standard_normal())

    return Problem(f"noisy-counting-{n}", exact.space, exact.judge, (100, 300, 1000), report, 1.0)


def chain(length: int, values: int, seed: int = 0) -> Problem:
    """Return a chain of interactions of three between decisions that are not neighbours and whose values have no order.

    In a hidden order of the decisions, each value ought to be a random function of the two before it. The reward is
    the share of links that hold; all hold for one candidate only.
    """
    random = np.random.default_rng([length, values, seed])
    order = random.permutation(length)
    tables = random.integers(values, size=(length, values, values))
    names = [f"d{position}" for position in range(length)]

    def judge(decisions: Decisions) -> float:
        taken = [0, 0, *(int(str(decisions[names[position]])[1:]) for position in order)]
        links = [taken[k + 2] == tables[k, taken[k], taken[k + 1]] for k in range(length)]
        return float(np.mean(links))

    space = SearchSpace.parse([{"name": name, "values": [f"v{v}" for v in range(values)]} for name in names])
    return Problem(f"chain-{length}", space, judge, (100, 300, 1000), optimum=1.0)


def landscape(length: int, values: int, neighbours: int, seed: int = 0) -> Problem:
    """Return an NK landscape (Kauffman & Levin 1987): each decision's random share depends on some other decisions."""
    random = np.random.default_rng([length, values, neighbours, seed])
    others = [
        [position, *random.choice(np.delete(np.arange(length), position), neighbours, replace=False)]
        for position in range(length)
    ]
    shares = random.random((length, *(values,) * (neighbours + 1)))
    names = [f"d{position}" for position in range(length)]

    def judge(decisions: Decisions) -> float:
        taken = [int(str(decisions[name])[1:]) for name in names]
        return float(np.mean([shares[k][tuple(taken[j] for j in others[k])] for k in range(length)]))

    space = SearchSpace.parse([{"name": name, "values": [f"v{v}" for v in range(values)]} for name in names])
    return Problem(f"landscape-{length}-{neighbours}", space, judge, (100, 300, 1000))


MIXED = SearchSpace.parse(
    [
        {"name": "optimizer", "values": ["sgd", "adam", "rmsprop"]},
        {
            "name": "momentum",
            "range": {"min": 0.0, "max": 0.95, "steps": 6},
            "when": {"name": "optimizer", "values": ["sgd"]},
        },
        {"name": "learning_rate", "range": {"min": 0.0001, "max": 1.0, "scale": "log", "steps": 9}},
        {"name": "blocks", "values": [1, 2, 3, 4]},
        {"name": "width", "range": {"min": 16, "max": 256, "scale": "log", "steps": 5, "integer": True}},
        {"name": "kernel_3", "values": [3, 5, 7], "when": {"name": "blocks", "values": [3, 4]}},
        {"name": "kernel_4", "values": [3, 5, 7], "when": {"name": "blocks", "values": [4]}},
        {"name": "normalise", "values": [True, False]},
        {"name": "dropout", "range": {"min": 0.0, "max": 0.5, "steps": 6}},
    ]
)


def mixed() -> Problem:
    """Return a conditional space of every kind of decision, where large networks are infeasible.

    The reward imitates an accuracy: capacity helps until it overfits, dropout helps large networks, each optimizer has
    a best rate of its own. Judged as the share of the best feasible reward, found by enumeration.
    """

    def report(decisions: Decisions, random: np.random.Generator) -> float | None:
        return _accuracy(decisions)

    def judge(decisions: Decisions) -> float:
        return (_accuracy(decisions) or 0.0) / _best_accuracy()

    return Problem("mixed", MIXED, judge, (50, 100, 300), report)


def _accuracy(decisions: Decisions) -> float | None:
    cost = decisions["blocks"] * math.log2(decisions["width"])
    if cost > 26:
        return None
    best_rate = {"sgd": -1.0, "adam": -2.75, "rmsprop": -2.25}[decisions["optimizer"]]
    momentum = decisions.get("momentum", 0.0)
    rate = math.log10(decisions["learning_rate"]) - best_rate + 0.8 * momentum
    kernels = [decisions.get(name, 5) for name in ("kernel_3", "kernel_4")]
    capacity = cost / 26 + 0.05 * (kernels == [5, 7])
    wanted_dropout = 0.4 * capacity if decisions["normalise"] else 0.2
    score = 0.9 - 0.25 * min(rate**2, 2.0) - 0.5 * (1 - capacity) ** 2
    score -= 0.6 * (decisions["dropout"] - wanted_dropout) ** 2 + 0.02 * (not decisions["normalise"])
    return float(score + 0.03 * momentum - 0.02 * (decisions["optimizer"] == "rmsprop"))


@cache
def _best_accuracy() -> float:
    scores = (_accuracy(MIXED.to_candidate(MIXED.unrank(rank))) for rank in range(MIXED.size))
    return max(score for score in scores if score is not None)
