"""Problems defined by formulas, whose fronts have a known shape: concave, disconnected, rugged; exact or noisy.

In the first two, some decisions say where along the front a candidate is (its position), the others how far it is
behind the front (its distance). As published, the position is a real number; here it is the mean of several decisions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.agents.problem import Decisions
from bench.fronts.problem import Axis, Problem, Values, volume
from evonas.domination import Points
from evonas.space import SearchSpace

STEPS = 11
"""Values of a decision: 0, 0.1, … 1."""
POSITIONS = 4
"""How many decisions the position is the mean of."""


def concave(decisions: int = 12) -> Problem:
    """Return DTLZ2 (Deb et al. 2002): the front is a quarter of a circle, the distance the squares of what the other
    decisions are away from their middle.
    """
    names = [f"x{place}" for place in range(decisions)]

    def judge(candidate: Decisions) -> Values:
        radius = 1 + sum((candidate[name] - 0.5) ** 2 for name in names[POSITIONS:])
        angle = _position(candidate, names) * math.pi / 2
        return -radius * math.cos(angle), -radius * math.sin(angle)

    ordered = [{"name": name, "values": [step / (STEPS - 1) for step in range(STEPS)]} for name in names]
    axes = (Axis("f1", -2.0, 0.0), Axis("f2", -2.0, 0.0))
    angles = _positions() * math.pi / 2
    front = -np.column_stack([np.cos(angles), np.sin(angles)])
    return Problem(f"concave-{decisions}", SearchSpace.parse(ordered), axes, judge, volume(axes, front))


def noisy_concave(decisions: int, deviation: float) -> Problem:
    """Return the concave problem, whose trials report both values with normal noise."""
    exact = concave(decisions)

    def report(candidate: Decisions, random: np.random.Generator) -> Values:
        noise = deviation * random.standard_normal(2)
        return tuple((np.array(exact.judge(candidate)) + noise).tolist())

    return replace(exact, name=f"noisy-concave-{decisions}", report=report)


def disconnected(decisions: int = 20, seed: int = 0) -> Problem:
    """Return ZDT3 (Zitzler et al. 2000), whose front has five pieces. The values have no order: which of them stands
    for which number is hidden, another way for each decision.
    """
    random = np.random.default_rng([decisions, seed])
    names = [f"x{place}" for place in range(decisions)]
    meanings = {
        name: {f"v{label}": step / (STEPS - 1) for label, step in enumerate(random.permutation(STEPS).tolist())}
        for name in names
    }

    def judge(candidate: Decisions) -> Values:
        numbers = {name: meanings[name][candidate[name]] for name in names}
        first = _position(numbers, names)
        behind = 1 + 9 * sum(numbers[name] for name in names[POSITIONS:]) / (decisions - POSITIONS)
        return -first, -_zdt3(first, behind)

    space = SearchSpace.parse([{"name": name, "values": list(meaning)} for name, meaning in meanings.items()])
    axes = (Axis("f1", -1.1, 0.0), Axis("f2", -4.0, 0.8))
    front = np.array([(-first, -_zdt3(first, 1.0)) for first in _positions().tolist()])
    return Problem(f"disconnected-{decisions}", space, axes, judge, volume(axes, front))


def landscapes(length: int, values: int, neighbours: int, seed: int = 0) -> Problem:
    """Return two NK landscapes over the same decisions (the multi-objective ones of Verel et al. 2013, uncorrelated):
    rugged, without order. The front is that of all candidates.
    """
    random = np.random.default_rng([length, values, neighbours, seed])
    names = [f"d{position}" for position in range(length)]
    everything = np.array(np.unravel_index(np.arange(values**length), (values,) * length), np.int64).T
    one, other = (_landscape(random, length, values, neighbours) for _ in range(2))
    table = np.column_stack([one(everything), other(everything)])

    def judge(candidate: Decisions) -> Values:
        digits = [int(str(candidate[name])[1:]) for name in names]
        return tuple(table[np.ravel_multi_index(digits, (values,) * length)].tolist())

    space = SearchSpace.parse([{"name": name, "values": [f"v{v}" for v in range(values)]} for name in names])
    axes = tuple(
        Axis(name, float(np.median(column)), float(column.max()))
        for name, column in zip(("f1", "f2"), table.T, strict=True)
    )
    return Problem(f"landscapes-{length}-{neighbours}", space, axes, judge, volume(axes, table))


def _landscape(
    random: np.random.Generator, length: int, values: int, neighbours: int
) -> Callable[[NDArray[np.int64]], Points]:
    others = [
        [position, *random.choice(np.delete(np.arange(length), position), neighbours, replace=False)]
        for position in range(length)
    ]
    shares = random.random((length, *(values,) * (neighbours + 1)))

    def heights(candidates: NDArray[np.int64]) -> Points:
        found: Points = np.mean([shares[k][tuple(candidates[:, others[k]].T)] for k in range(length)], axis=0)
        return found

    return heights


def _position(numbers: Mapping[str, float], names: list[str]) -> float:
    """Return it, rounded to what it can be: sums of tenths are not exact."""
    steps = round(sum(numbers[name] for name in names[:POSITIONS]) * (STEPS - 1))
    return steps / (POSITIONS * (STEPS - 1))


def _positions() -> Points:
    """Return all that a position can be."""
    return np.arange(POSITIONS * (STEPS - 1) + 1) / (POSITIONS * (STEPS - 1))


def _zdt3(first: float, behind: float) -> float:
    return behind - math.sqrt(first * behind) - first * math.sin(10 * math.pi * first)
