"""The order of the results at a rung, which the rules ask for. Parts of ``totals``, and as independent of the order in
which results come. Pure.

With a single objective, results are ordered by its value. With several, by how many results at the rung dominate them
(the rank of Fonseca & Fleming 1993); of those that equally many dominate, the one in the emptier region comes first
(``domination.find_crowding``), and at the ends of a region, which are equally empty, the one that is better on the
whole (``domination.find_heights``). So one that dominates another always comes before it, and in an objective that
never changes, the order is that of the others.

Multi-objective asynchronous successive halving (Schmucker et al., arXiv 2106.12639) found orders of this kind better
than random weights. It sorts by whole fronts, and chooses within one by distances to those chosen before: both would
have to be done anew for each result, and of two equal results the second would come last. Who dominates whom is counted
as results come, and equal results have equal places.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right, insort
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from itertools import filterfalse

import numpy as np
from numpy.typing import NDArray

from evonas.domination import Points, find_crowding, find_heights
from evonas.errors import EvonasError
from evonas.fidelity import Fidelity
from evonas.search.objective import oriented, oriented_values
from evonas.search.promotion import (
    Decision,
    decide_at,
    decide_to_promote_at,
    needed,
    needed_to_promote,
    places_of,
)
from evonas.search.trial import RungResult, Trial
from evonas.spec import Objective
from evonas.wording import counted

Point = tuple[float, ...]
"""The oriented values of a result, larger is better; minus infinity in all objectives if the candidate had diverged or
was beyond a hard limit."""

Merit = tuple[float, ...]
"""Where a result stands: a larger one is better, equal ones share a place."""


def point_of(objectives: Sequence[Objective], trial: Trial, result: RungResult) -> Point:
    """Return what a trial's result at a rung is compared by; EvonasError if it has not a value of each objective."""
    if result.value is None:
        return (-math.inf,) * len(objectives)
    if (count := 1 + len(result.others)) != len(objectives):
        raise EvonasError(
            f"trial {trial.index}: status.rungs: the result at step {result.step} has {counted(count, 'value')}, but "
            f"the search has {counted(len(objectives), 'objective')}; restore the record from a copy"
        )
    # Asked for each of thousands of paused trials: a single objective needs no more than that.
    first = oriented(objectives[0], result.value)
    return (first, *oriented_values(objectives[1:], result.others)) if result.others else (first,)


def has_diverged(point: Point) -> bool:
    """Return whether the point is the worst there is: such a result never goes on."""
    return point[0] == -math.inf


_AT_ONCE = 256
"""How many results are compared with all others at a time: it bounds the memory, and takes less than one by one."""


class Standings(ABC):
    """The results at one rung, whatever became of their trials."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def copy(self) -> Standings:
        """Return a copy that can be added to."""

    @abstractmethod
    def add(self, point: Point) -> None:
        """Add a result."""

    @abstractmethod
    def remove(self, point: Point) -> None:
        """Remove one of the results that are there."""

    @abstractmethod
    def merit(self, point: Point) -> Merit:
        """Return where one of the results stands."""

    @abstractmethod
    def count_better(self, point: Point) -> int:
        """Return how many are better than one of the results."""

    @abstractmethod
    def best(self, places: int) -> Container[Point]:
        """Return those of the results that fewer than so many are better than; quick to look one up."""

    @abstractmethod
    def needed(self, fidelity: Fidelity) -> float | None:
        """Return the least value with which another one would go on; None if every value would, or if that is no single
        value.
        """

    @abstractmethod
    def needed_to_promote(self, fidelity: Fidelity) -> float | None:
        """Return the least value with which a paused one goes on; None if none does, or if that is no single value."""

    def decide(self, fidelity: Fidelity, point: Point) -> Decision:
        """Decide on a trial at the rung, whose result is there already."""
        # Others that have diverged, too, are no reason to go on.
        better = len(self) - 1 if has_diverged(point) else self.count_better(point)
        return decide_at(fidelity, better, len(self))

    def decide_to_promote(self, fidelity: Fidelity, point: Point) -> Decision:
        """Decide on a trial that is paused at the rung."""
        better = len(self) - 1 if has_diverged(point) else self.count_better(point)
        return decide_to_promote_at(fidelity, better, len(self))

    def going_on(self, fidelity: Fidelity) -> Container[Point]:
        """Return those of the results that ``decide_to_promote`` lets go on; quick to look one up."""
        return frozenset[Point]() if len(self) < fidelity.factor else self.best(places_of(fidelity, len(self)))


class ByValue(Standings):
    """With a single objective."""

    def __init__(self) -> None:
        self._values: list[float] = []
        """Ascending."""

    def __len__(self) -> int:
        return len(self._values)

    def copy(self) -> ByValue:
        """As every standings."""
        more = ByValue()
        more._values = self._values.copy()
        return more

    def add(self, point: Point) -> None:
        """Add a result."""
        insort(self._values, point[0])

    def remove(self, point: Point) -> None:
        """Remove a result."""
        del self._values[bisect_left(self._values, point[0])]

    def merit(self, point: Point) -> Merit:
        """Return the value itself."""
        return point

    def count_better(self, point: Point) -> int:
        """Count the larger values."""
        return len(self._values) - bisect_right(self._values, point[0])

    def best(self, places: int) -> Container[Point]:
        """Return those that are as good as the value at the last of the places."""
        return _AtLeast(self._values[-places])

    def needed(self, fidelity: Fidelity) -> float | None:
        """Return the least value with which another one would go on."""
        return needed(fidelity, self._values)

    def needed_to_promote(self, fidelity: Fidelity) -> float | None:
        """Return the least value with which a paused one goes on."""
        return needed_to_promote(fidelity, self._values)


@dataclass(frozen=True)
class _AtLeast:
    """All points whose only value is at least that, except that of a candidate that has diverged."""

    least: float

    def __contains__(self, point: object) -> bool:
        assert isinstance(point, tuple)
        return bool(point[0] >= self.least) and not has_diverged(point)


@dataclass(frozen=True)
class _Peers:
    """Results that equally many dominate: none of them dominates another."""

    merits: dict[Point, Merit]
    ascending: list[Merit]
    """One of each result, equal results included."""

    def count_better(self, point: Point) -> int:
        return len(self.ascending) - bisect_right(self.ascending, self.merits[point])


@dataclass
class _Derived:
    """What has been asked about the results since the last one came."""

    peers: dict[int, _Peers] = field(default_factory=dict)
    """By how many dominate them."""
    dominating: dict[Point, int] = field(default_factory=dict)
    """How many results dominate each."""
    best: dict[int, frozenset[Point]] = field(default_factory=dict)
    """Those at the first places, by how many places."""


class ByDomination(Standings):
    """With several objectives. A result costs a few passes of NumPy over those that are there, and so does a decision
    on it, which sorts its peers, too; what has been asked is kept until the next one comes. Most totals are never
    asked: results are compared once they are, or are copied.
    """

    def __init__(self, objectives: int) -> None:
        self._points: Points = np.empty((0, objectives))
        self._dominating: NDArray[np.int64] = np.empty(0, np.int64)
        """How many results dominate each."""
        self._new: list[Point] = []
        """Results that are not compared yet."""
        self._derived = _Derived()

    def __len__(self) -> int:
        return len(self._points) + len(self._new)

    def copy(self) -> ByDomination:
        """As every standings; nothing is copied, since new arrays are made and none is changed."""
        self._compare_new()
        more = ByDomination(self._points.shape[1])
        more._points, more._dominating, more._derived = self._points, self._dominating, self._derived
        return more

    def add(self, point: Point) -> None:
        """Add a result."""
        self._new.append(point)
        self._derived = _Derived()

    def remove(self, point: Point) -> None:
        """Remove a result."""
        self._compare_new()
        not_worse, not_better = self._compare(np.array([point]))
        place = int((not_worse & not_better).argmax())
        self._points = np.delete(self._points, place, axis=0)
        self._dominating = np.delete(self._dominating - (not_better & ~not_worse)[:, 0], place)
        self._derived = _Derived()

    def merit(self, point: Point) -> Merit:
        """Return by how few it is dominated, how empty its region is, and how good it is on the whole."""
        if not self._derived.dominating:
            self._compare_new()
            counts = zip(_tuples(self._points), self._dominating.tolist(), strict=True)
            self._derived.dominating = dict(counts)
        dominating = self._derived.dominating[point]
        return (-dominating, *self._peers(dominating).merits[point])

    def count_better(self, point: Point) -> int:
        """Count those that fewer dominate, and of its peers those that come before it."""
        self._compare_new()
        not_worse, not_better = self._compare(np.array([point]))
        dominating = int((not_worse & ~not_better).sum())
        return int((self._dominating < dominating).sum()) + self._peers(dominating).count_better(point)

    def best(self, places: int) -> Container[Point]:
        """Return those at the first places."""
        if places not in self._derived.best:
            self._compare_new()
            self._derived.best[places] = self._find_best(places)
        return self._derived.best[places]

    def needed(self, fidelity: Fidelity) -> None:
        """Return None: it depends on all values."""

    def needed_to_promote(self, fidelity: Fidelity) -> None:
        """Return None: it depends on all values."""

    def _find_best(self, places: int) -> frozenset[Point]:
        last = int(np.partition(self._dominating, places - 1)[places - 1])
        before = self._dominating < last
        left, peers = places - int(before.sum()), self._peers(last)
        chosen = [point for point in peers.merits if peers.count_better(point) < left]
        return frozenset(filterfalse(has_diverged, [*_tuples(self._points[before]), *chosen]))

    def _peers(self, dominating: int) -> _Peers:
        if dominating not in self._derived.peers:
            points = self._points[self._dominating == dominating]
            found = [*zip(find_crowding(points).tolist(), find_heights(points).tolist(), strict=True)]
            self._derived.peers[dominating] = _Peers(dict(zip(_tuples(points), found, strict=True)), sorted(found))
        return self._derived.peers[dominating]

    def _compare_new(self) -> None:
        """Count the new results among those that dominate others, and others among those that dominate them."""
        known = len(self._points)
        if self._new:
            self._points = np.concatenate([self._points, self._new])
            self._dominating = np.concatenate([self._dominating, np.zeros(len(self._new), np.int64)])
            self._new = []
        for start in range(known, len(self._points), _AT_ONCE):
            block = slice(start, start + _AT_ONCE)
            not_worse, not_better = self._compare(self._points[block])
            self._dominating[block] = (not_worse & ~not_better).sum(axis=0)
            self._dominating[:known] += (not_better & ~not_worse)[:known].sum(axis=1)

    def _compare(self, points: Points) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return [results, points]: which are not worse than the points in any objective, and which not better."""
        columns = [*zip(self._points.T, points.T, strict=True)]
        not_worse = np.all([np.greater_equal.outer(there, here) for there, here in columns], axis=0)
        not_better = np.all([np.less_equal.outer(there, here) for there, here in columns], axis=0)
        return not_worse, not_better


def new_standings(objectives: Sequence[Objective]) -> Standings:
    """Return standings without results."""
    return ByDomination(len(objectives)) if len(objectives) > 1 else ByValue()


def _tuples(points: Points) -> list[Point]:
    return [tuple(point) for point in points.tolist()]
