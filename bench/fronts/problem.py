"""What a problem with several objectives is, and what the front that a searcher found is worth.

Values are oriented: larger is better. Searchers see them as they are. For the hypervolume, each objective is carried to
a scale of its own that is fixed for the problem (``Axis``), so that none outweighs the others by its unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.agents.problem import Decisions
from evonas.domination import Points, find_front, hypervolume
from evonas.space import SearchSpace

Values = tuple[float, ...]


@dataclass(frozen=True)
class Axis:
    """One objective, and the scale on which the hypervolume counts it: 0 at its reference, 1 at its best."""

    name: str
    reference: float
    """What is worse is worth nothing; oriented."""
    best: float
    """Oriented."""
    is_logarithmic: bool = False
    """For costs, which are negative: half of a cost is worth the same everywhere."""

    def heights(self, values: Points) -> Points:
        """Return how far the values are above the reference, in units of the way to the best."""
        if self.is_logarithmic:
            found: Points = np.log(values / self.reference) / math.log(self.best / self.reference)
            return found
        return (values - self.reference) / (self.best - self.reference)


@dataclass(frozen=True)
class Problem:
    """One problem of the benchmark."""

    name: str
    space: SearchSpace
    axes: tuple[Axis, ...]
    judge: Callable[[Decisions], Values]
    """The true values of a candidate."""
    best: float
    """The hypervolume of the true front of the whole space."""
    report: Callable[[Decisions, np.random.Generator], Values] | None = None
    """What one trial of it reports; where not given, exactly the true values."""

    def evaluate(self, decisions: Decisions, seed: int, index: int) -> Values:
        """Return what trial ``index`` of the run with ``seed`` reports: a function of these alone."""
        if self.report is None:
            return self.judge(decisions)
        return self.report(decisions, np.random.default_rng([seed, index]))

    def worth(self, points: Points) -> float:
        """Return the hypervolume of points on the problem's scales."""
        return volume(self.axes, points)


def volume(axes: Sequence[Axis], points: Points) -> float:
    """Return the hypervolume of points on the scales of the axes; 1 if one point were the best in everything."""
    if not len(points):
        return 0.0
    heights = np.column_stack([axis.heights(column) for axis, column in zip(axes, points.T, strict=True)])
    return hypervolume(heights, [0.0] * len(axes))


def span(names: Sequence[str], table: Points, floors: Sequence[float | None]) -> tuple[Axis, ...]:
    """Return scales for a table of all candidates: [candidates, objectives].

    An objective with a floor is linear, and what is below the floor is worth nothing. One without is a cost, on a
    logarithmic scale. It is measured from a tenth of its extent beyond the worst value on the front of what the floors
    leave (the nadir, as Ishibuchi et al. 2018 advise), so that the front's ends count, too.
    """
    left = np.all([table[:, place] >= floor for place, floor in enumerate(floors) if floor is not None], axis=0)
    front = table[left][find_front(table[left])]
    axes = []
    for name, floor, column in zip(names, floors, front.T, strict=True):
        if floor is not None:
            axes.append(Axis(name, floor, float(column.max())))
        else:
            beyond = (column.min() / column.max()) ** 1.1 * column.max()
            axes.append(Axis(name, float(beyond), float(column.max()), is_logarithmic=True))
    return tuple(axes)
