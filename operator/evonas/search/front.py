"""The front of a search with several objectives: the trials that no other dominates. A part of ``totals``, and as
independent of the order. Pure.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evonas.domination import Points, contributions, cover, hypervolume
from evonas.search.objective import meets_references, oriented_values, values_of
from evonas.search.trial import Trial
from evonas.spec import Objective

MAX_SHOWN = 32
"""How many of the members a status lists."""

_MAX_WEIGHED = 300
"""Of how many members the most valuable are found in four objectives: a step of seconds would hold up everything."""


class _Worth:
    """What follows from the members of a front, which is found when it is asked for, once for all copies: the totals
    are copied in every pass, and the status is made of a copy.
    """

    def __init__(self) -> None:
        self.hypervolume: float | None = None
        self.most_valuable: list[int] | None = None
        self.covers: dict[int, list[int]] = {}


class Front:
    """A fold over trials with a reward. Of trials with equal values, the first one recorded is a member; one that is
    worse than a reference is none.
    """

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self._objectives = objectives
        self.members: list[Trial] = []
        """Best in the first objective first, then in the second, and so on."""
        self._columns = np.empty((len(objectives), 0))
        """[objectives, members], oriented: in this order comparing thousands of members takes a third of the time."""
        self._worst = np.full(len(objectives), math.inf)
        """The worst value of each objective, oriented, of all trials."""
        self._best = np.full(len(objectives), -math.inf)
        """The best, likewise."""
        self._worth = _Worth()

    def __len__(self) -> int:
        return len(self.members)

    def copy(self) -> Front:
        """Return a copy that can be added to."""
        # ``add`` makes new lists and arrays, and changes none.
        more = Front(self._objectives)
        more.members, more._columns = self.members, self._columns
        more._worst, more._best, more._worth = self._worst, self._best, self._worth
        return more

    def add(self, trial: Trial) -> None:
        """Add a trial that has a reward."""
        values = values_of(self._objectives, trial)
        assert values is not None
        point = np.array(oriented_values(self._objectives, values))
        level = point[:, np.newaxis]
        if (point < self._worst).any():
            self._worst, self._worth = np.minimum(self._worst, point), _Worth()
        self._best = np.maximum(self._best, point)
        if not meets_references(self._objectives, values):
            return
        if (not_worse := np.all(self._columns >= level, axis=0)).any():
            self._replace_equal(trial, level, not_worse & np.all(self._columns == level, axis=0))
            return
        members, columns = self.members, self._columns
        if not (stays := np.any(columns > level, axis=0)).all():
            members = [members[place] for place in np.flatnonzero(stays).tolist()]
            columns = columns[:, stays]
        place = _place(columns, point)
        self.members = [*members[:place], trial, *members[place:]]
        self._columns = np.concatenate([columns[:, :place], level, columns[:, place:]], axis=1)
        self._worth = _Worth()

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
            # Of 0 and -0, neither is the worst.
            value + 0.0 if each.reference is None else each.reference
            for each, value in zip(self._objectives, worst, strict=True)
        )

    @property
    def best(self) -> tuple[float, ...] | None:
        """The best value of each objective, in the user's orientation, whether or not a member has it; None before the
        first result.
        """
        return None if -math.inf in self._best else oriented_values(self._objectives, self._best.tolist())

    @property
    def hypervolume(self) -> float:
        """The volume between the front and the reference, in the product of the objectives' units; it never shrinks."""
        if self._worth.hypervolume is None:
            self._worth.hypervolume = 0.0 if self.reference is None else hypervolume(self._points, self._corner)
        return self._worth.hypervolume

    @property
    def finite_hypervolume(self) -> float:
        """The same, at most what a float holds: JSON has no infinity."""
        return min(self.hypervolume, sys.float_info.max)

    @property
    def reference_in_words(self) -> str:
        """The same, for people: ``accuracy 0.1 (the worst so far), latency_ms 20``."""
        found = zip(self._objectives, self.reference or (), strict=False)
        return ", ".join(
            f"{each.title} {value:.6g}{' (the worst so far)' if each.reference is None else ''}"
            for each, value in found
        )

    @property
    def best_in_words(self) -> str:
        """The best value of each objective beside its reference: ``best accuracy 0.81 (reference 0.9)``."""
        return ", ".join(
            f"best {each.title} {best:.6g} ({'no reference' if least is None else f'reference {least:.6g}'})"
            for each, best in zip(self._objectives, self.best or (), strict=False)
            for least in [each.reference]
        )

    @property
    def latest(self) -> Trial | None:
        """The member that was recorded last: the latest improvement."""
        return max(self.members, key=lambda member: member.sequence or 0, default=None)

    def cover(self, count: int = MAX_SHOWN) -> list[int]:
        """Return the places of at most ``count`` members that stand for all, ascending."""
        if count not in self._worth.covers:
            self._worth.covers[count] = cover(self._points, count).tolist()
        return self._worth.covers[count]

    def most_valuable(self, count: int) -> list[Trial]:
        """Return the members without which the hypervolume would shrink most, most first; among equals, the earlier in
        ``members``. With four objectives, of a front of more than 300 those that stand for all are weighed.
        """
        if self.reference is None:
            return []
        if self._worth.most_valuable is None:
            few = len(self) if len(self._objectives) < 4 else _MAX_WEIGHED
            places = cover(self._points, few)
            shares = contributions(self._points[places], self._corner)
            self._worth.most_valuable = places[np.argsort(-shares, kind="stable")].tolist()
        return [self.members[place] for place in self._worth.most_valuable[:count]]

    @property
    def _corner(self) -> tuple[float, ...]:
        assert self.reference is not None
        return oriented_values(self._objectives, self.reference)

    @property
    def _points(self) -> Points:
        """[members, objectives], oriented."""
        return np.ascontiguousarray(self._columns.T)

    def _replace_equal(self, trial: Trial, level: Points, equal: NDArray[np.bool_]) -> None:
        for place in np.flatnonzero(equal).tolist():
            if (trial.sequence or 0) < (self.members[place].sequence or 0):
                self.members = [*self.members[:place], trial, *self.members[place + 1 :]]
                # 0 and -0 are equal.
                self._columns = np.where(equal, level, self._columns)


def _place(columns: Points, point: Points) -> int:
    """Return how many of the points come before it: they are better in the first objective in which they differ."""
    before, level = np.zeros(columns.shape[1], bool), np.ones(columns.shape[1], bool)
    for column, value in zip(columns, point, strict=True):
        before |= level & (column > value)
        level &= column == value
    return int(before.sum())
