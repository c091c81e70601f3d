"""The front of a search with several objectives: the trials that no other dominates. A part of ``totals``, and as
independent of the order. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evonas.domination import Points, contributions, cover, hypervolume
from evonas.search.objective import oriented, oriented_values, values_of
from evonas.search.trial import Trial
from evonas.spec import Objective

MAX_SHOWN = 32
"""How many of the members a status lists."""


class Front:
    """A fold over trials with a reward. Of trials with equal values, the first one recorded is a member; one that is
    worse than a reference is none.
    """

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self._objectives = objectives
        self.members: list[Trial] = []
        """Best in the first objective first, then in the second, and so on."""
        self._points: Points = np.empty((0, len(objectives)))
        """[members, objectives], oriented."""
        self._worst = np.full(len(objectives), math.inf)
        """The worst value of each objective, oriented."""
        self._hypervolume: float | None = None

    def __len__(self) -> int:
        return len(self.members)

    def copy(self) -> Front:
        """Return a copy that can be added to."""
        # ``add`` makes new lists and arrays, and changes none.
        more = Front(self._objectives)
        more.members, more._points = self.members, self._points
        more._worst, more._hypervolume = self._worst, self._hypervolume
        return more

    def add(self, trial: Trial) -> None:
        """Add a trial that has a reward."""
        values = values_of(self._objectives, trial)
        assert values is not None
        point = np.array(oriented_values(self._objectives, values))
        worst = np.minimum(self._worst, point)
        if (worst < self._worst).any():
            self._worst, self._hypervolume = worst, None
        references = zip(self._objectives, point.tolist(), strict=True)
        if any(each.reference is not None and value < oriented(each, each.reference) for each, value in references):
            return
        not_worse = (self._points >= point).all(axis=1)
        if not_worse.any():
            self._replace_equal(trial, point, not_worse)
            return
        stays = (self._points > point).any(axis=1)
        members = [member for member, is_left in zip(self.members, stays.tolist(), strict=True) if is_left]
        points = self._points[stays]
        place = _place(points, point)
        self.members = [*members[:place], trial, *members[place:]]
        self._points = np.insert(points, place, point, axis=0)
        self._hypervolume = None

    @property
    def values(self) -> list[tuple[float, ...]]:
        """Of each member the values of the objectives, in the user's orientation."""
        return [oriented_values(self._objectives, point) for point in self._points.tolist()]

    @property
    def reference(self) -> tuple[float, ...] | None:
        """Where the hypervolume is measured from, in the user's orientation: the references of the objectives and, of
        those without one, the worst value so far; None before the first result.
        """
        if math.inf in self._worst:
            return None
        worst = oriented_values(self._objectives, self._worst.tolist())
        return tuple(
            value if each.reference is None else each.reference
            for each, value in zip(self._objectives, worst, strict=True)
        )

    @property
    def hypervolume(self) -> float:
        """The volume between the front and the reference, in the product of the objectives' units; it never shrinks."""
        if self._hypervolume is None:
            self._hypervolume = 0.0 if self.reference is None else hypervolume(self._points, self._corner)
        return self._hypervolume

    @property
    def latest(self) -> Trial | None:
        """The member that was recorded last: the latest improvement."""
        return max(self.members, key=lambda member: member.sequence or 0, default=None)

    def cover(self, count: int = MAX_SHOWN) -> list[int]:
        """Return the places of at most ``count`` members that stand for all, ascending."""
        places: list[int] = cover(self._points, count).tolist()
        return places

    def most_valuable(self, count: int) -> list[Trial]:
        """Return the members without which the hypervolume would shrink most, most first; among equals, the earlier in
        ``members``.
        """
        if self.reference is None:
            return []
        shares = contributions(self._points, self._corner)
        return [self.members[place] for place in np.argsort(-shares, kind="stable")[:count]]

    @property
    def _corner(self) -> tuple[float, ...]:
        assert self.reference is not None
        return oriented_values(self._objectives, self.reference)

    def _replace_equal(self, trial: Trial, point: Points, not_worse: NDArray[np.bool_]) -> None:
        for place in np.flatnonzero(not_worse & (self._points == point).all(axis=1)).tolist():
            if (trial.sequence or 0) < (self.members[place].sequence or 0):
                self.members = [*self.members[:place], trial, *self.members[place + 1 :]]


def _place(points: Points, point: Points) -> int:
    """Return how many of the points come before it: they are better in the first objective in which they differ."""
    before, level = np.zeros(len(points), bool), np.ones(len(points), bool)
    for column, value in zip(points.T, point, strict=True):
        before |= level & (column > value)
        level &= column == value
    return int(before.sum())
