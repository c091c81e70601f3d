"""How the results of a search with several objectives stand to its front, and how the front grew. Pure.

``search.front`` keeps the front of a search under way; reports and the live page draw what is found here.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.domination import Points, dominates, find_ranks, hypervolume
from evonas.search.objective import oriented_references, oriented_values, values_of
from evonas.search.trial import Trial
from evonas.spec import Objective

MOST_STEPS, FEW_STEPS, MANY = 400, 48, 2_000
"""How many steps of a growing hypervolume are shown; few where many results were on the front once: each step takes a
tenth of a second then."""
_BLOCK = 512

Objectives = Sequence[Objective]
Values = tuple[float, ...]


@dataclass(frozen=True)
class Standing:
    """How one result stands to the front."""

    rank: int | None
    """0 on the front, 1 on that of the others, and so on; None if it is worse than a reference."""
    equals: Trial | None
    """The member of the front that has the same values and was recorded before it; None if there is none."""
    dominating: Sequence[Trial]
    """The members of the front that dominate it, in their order."""
    dominated: int
    """How many results it dominates."""


@dataclass(frozen=True)
class Steps:
    """A hypervolume that grew: from so many results on, it was so large."""

    results: Sequence[int]
    """Ascending; 0 for what was known before the search."""
    volumes: Sequence[float]

    def at(self, results: int) -> float:
        """Return the hypervolume after so many results."""
        place = bisect_right(self.results, results)
        return self.volumes[place - 1] if place else 0.0


def results_of(trials: Iterable[Trial]) -> list[Trial]:
    """Return the trials with a reward in the order in which they were recorded, imported ones first; confirmations,
    which repeat a candidate, are left out.
    """
    found = [trial for trial in trials if trial.reward is not None and not trial.is_confirmation]
    return sorted(found, key=lambda trial: (trial.imported is None, trial.sequence or 0, trial.index))


def points_of(objectives: Objectives, results: Iterable[Trial]) -> Points:
    """Return the results' values, oriented; EvonasError for one whose recorded metrics do not give them."""
    values = (values_of(objectives, trial) for trial in results)
    points = [oriented_values(objectives, found) for found in values if found is not None]
    return np.array(points, np.float64).reshape(len(points), len(objectives))


def find_standings(objectives: Objectives, points: Points) -> NDArray[np.int64]:
    """Return [points]: 0 for those on the front, 1 for the front of the others, and so on; equal points share theirs,
    and -1 is what is worse than a reference.
    """
    ranks = np.full(len(points), -1, np.int64)
    good = _reach(points, np.array(oriented_references(objectives)))
    ranks[good] = find_ranks(points[good])
    return ranks


def ranks_of(objectives: Objectives, trials: Iterable[Trial]) -> dict[int, int]:
    """Return the standings of the results by index, without what is worse than a reference."""
    results = results_of(trials)
    ranks = find_standings(objectives, points_of(objectives, results)).tolist()
    return {trial.index: rank for trial, rank in zip(results, ranks, strict=True) if rank >= 0}


def stand(objectives: Objectives, trials: Iterable[Trial], members: Sequence[Trial], trial: Trial) -> Standing | None:
    """Return how one of the trials of a search stands to the members of its front, and to all results; None for one
    that is no result.
    """
    results = results_of(trials)
    place = next((place for place, result in enumerate(results) if result.index == trial.index), None)
    if place is None:
        return None
    points = points_of(objectives, results)
    rank, point = int(find_standings(objectives, points)[place]), tuple(points[place].tolist())
    others = [*zip(members, map(tuple, points_of(objectives, members).tolist()), strict=True)]
    return Standing(
        rank=None if rank < 0 else rank,
        equals=next((member for member, other in others if other == point and member.index != trial.index), None),
        dominating=[member for member, other in others if dominates(other, point)],
        dominated=sum(dominates(point, other) for other in points.tolist()),
    )


def worst_of(objectives: Objectives, points: Sequence[Points]) -> Values | None:
    """Return the reference from which the hypervolumes of several searches can be compared, in the user's orientation:
    that of the objectives and, where there is none, the worst value of all; None before the first result.
    """
    known = [each for each in points if len(each)]
    if not known:
        return None
    worst = np.concatenate(known).min(axis=0)
    limits = np.array(oriented_references(objectives))
    return oriented_values(objectives, np.where(np.isinf(limits), worst, limits).tolist())


def grow(objectives: Objectives, trials: Iterable[Trial], reference: Sequence[float] | None = None) -> Steps:
    """Return how the hypervolume grew with the results, measured from one reference throughout: today's, unless another
    is given, such as that of several searches.
    """
    results = results_of(trials)
    points, searched = points_of(objectives, results), sum(trial.imported is None for trial in results)
    growth = Growth(objectives, reference)
    growth.add(points[: len(points) - searched], are_results=False)
    growth.add(points[len(points) - searched :])
    return growth.steps()


class Growth:
    """A fold over oriented points in the order of their results: the front at each moment."""

    def __init__(self, objectives: Objectives, reference: Sequence[float] | None = None) -> None:
        self.results = 0
        self._limits = np.array(oriented_references(objectives))
        self._given = None if reference is None else np.array(oriented_values(objectives, reference))
        self._worst = np.full(len(objectives), math.inf)
        self._front: Points = np.empty((0, len(objectives)))
        self._entered: list[Points] = []
        """The points that were on the front when they were recorded: nothing else makes the hypervolume grow."""
        self._at: list[int] = []
        """After how many results each of them was."""
        self._volumes: dict[int, float] = {}
        """By how many had entered."""

    def add(self, points: Points, *, are_results: bool = True) -> None:
        """Add points that come after all before; those that are no results were known before the search."""
        for begin in range(0, len(points), _BLOCK):
            block = points[begin : begin + _BLOCK]
            worst = np.minimum(self._worst, block.min(axis=0))
            if (worst < self._worst).any():
                self._worst, self._volumes = worst, {}
            # Most are dominated: these are found at once, the others one after the other.
            reached = _reach(self._front[None], block[:, None]).any(axis=1)
            for place in np.flatnonzero(~reached & _reach(block, self._limits)).tolist():
                self._enter(block[place], self.results + place + 1 if are_results else 0)
            self.results += len(block) * are_results

    def steps(self, most: int = MOST_STEPS) -> Steps:
        """Return how the hypervolume grew, in at most so many steps; the last is always among them."""
        counts = _evenly(len(self._at), most if len(self._at) <= MANY else min(most, FEW_STEPS))
        return Steps([self._at[count - 1] for count in counts], [self._volume(count) for count in counts])

    def at(self, results: Sequence[int]) -> list[float]:
        """Return the hypervolume after each of these numbers of results."""
        return [self._volume(bisect_right(self._at, each)) for each in results]

    def _enter(self, point: Points, results: int) -> None:
        if _reach(self._front, point).any():
            return
        self._front = np.vstack([self._front[~_reach(point, self._front)], point])
        self._entered.append(point)
        self._at.append(results)

    def _volume(self, count: int) -> float:
        """Return the hypervolume of those that entered first, at most what a float holds."""
        if count not in self._volumes:
            corner = np.where(np.isinf(self._limits), self._worst, self._limits) if self._given is None else self._given
            found = hypervolume(np.array(self._entered[:count]), corner.tolist()) if count else 0.0
            self._volumes[count] = min(found, sys.float_info.max)
        return self._volumes[count]


def _reach(points: Points, others: Points) -> NDArray[np.bool_]:
    """Return whether points are at least as good as others in every objective, which is the last axis of both."""
    # Column by column: numpy reduces a short last axis slowly.
    reached: NDArray[np.bool_] = points[..., 0] >= others[..., 0]
    for column in range(1, points.shape[-1]):
        reached = reached & (points[..., column] >= others[..., column])
    return reached


def _evenly(count: int, most: int) -> list[int]:
    """Return up to ``most`` of the numbers 1 to ``count``, evenly spread, the first and the last among them."""
    if count <= most:
        return [*range(1, count + 1)]
    return [1 + round(step * (count - 1) / (most - 1)) for step in range(most)]
