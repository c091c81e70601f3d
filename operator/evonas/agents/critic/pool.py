"""The candidates that are bred for one proposal, and what the critic expects of them.

All candidates but those of the first generation are children of another one that differ from it in one decision. One
candidate after another has all of these children, each time the best one that has none yet: a best-first search.
Imports PyTorch through the critic.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.agents.critic.judgement import Judgement
from evonas.agents.history import History
from evonas.agents.neighbours import Changes, completed, single_changes
from evonas.agents.sources import DRAFTS, Drawing
from evonas.space import Choices, SearchSpace

MOST_CHILDREN = 1000
"""How many children a candidate has at most; if there could be more, these are drawn at random."""
MOST_KNOWN = 64
"""How many of the finalists may have been proposed before, if there are others."""


@dataclass(frozen=True)
class _Brood:
    """Candidates that were bred together, in rows of their own."""

    children: Drawing | Changes
    parents: NDArray[np.int64]
    """[rows], or [1] if it is the same for all: the evaluated parent that they descend from, as in ``Drafts``."""
    first: int
    """The row in the pool of the first of them."""

    def descent(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the evaluated parents of some of them."""
        return self.parents[places] if len(self.parents) > 1 else self.parents.repeat(len(places))


class Pool:
    """Candidates, one per row, in the order in which they were bred."""

    def __init__(self, space: SearchSpace, judgement: Judgement) -> None:
        self._space = space
        self._judgement = judgement
        self._broods: list[_Brood] = []
        self._means = np.empty(0)
        self._childless = np.empty(0)
        """The same, minus infinity for those that have bred."""
        self._bred: set[Choices] = set()

    def __len__(self) -> int:
        return len(self._means)

    def add(self, drawing: Drawing, parents: NDArray[np.int64]) -> None:
        """Add a generation of descendants of evaluated ``parents``."""
        self._add(drawing, parents, self._judgement.expect(drawing.choices))

    def breed(self, values: NDArray[np.float64], selection: NDArray[np.float64]) -> bool:
        """Add the children of the best candidate that has none yet; False if all have.

        Numbers are uniform in [0, 1). ``values``, [decisions], say what is drawn where a change makes decisions exist;
        ``selection``, [MOST_CHILDREN], which children there are.
        """
        row = self._next()
        if row is None:
            return False
        brood = self._find(row)
        place = np.array([row - brood.first])
        parent = brood.children.take(place)
        descent = brood.descent(place)
        changes = self._selected(single_changes(self._space, parent), selection)
        known_earlier = self._judgement.earlier is not None
        decides = known_earlier | np.isin(changes.positions, self._space.deciding_positions)
        plain, others = (changes.among(rows) for rows in (~decides, decides))
        if len(plain):
            choices = parent.choices[0]
            means = self._judgement.expect_changed(choices, plain.positions, plain.values)
            self._add(plain, descent, means)
        if len(others):
            children = completed(self._space, others.take(np.arange(len(others))), values)
            self._add(children, descent, self._judgement.expect(children.choices, parent.choices[0]))
        return True

    def finalists(self, history: History) -> tuple[Drawing, NDArray[np.int64]]:
        """Return the best candidates, each once, best first, among equals the older, and their evaluated parents. At
        least one of them is not in the ``history``, if any is not.
        """
        found: dict[Choices, int] = {}
        news = 0
        for row in np.argsort(-self._means, kind="stable").tolist():
            choices = self._choices(row)
            is_new = choices not in history
            if choices not in found and (is_new or len(found) < MOST_KNOWN):
                found[choices] = row
                news += is_new
                if news == DRAFTS:
                    break
        rows = np.array([*found.values()])
        taken, parents, order = [], [], []
        for brood in self._broods:
            places = rows - brood.first
            inside = np.flatnonzero((places >= 0) & (places < len(brood.children)))
            if len(inside):
                order.append(inside)
                taken.append(brood.children.take(places[inside]))
                parents.append(brood.descent(places[inside]))
        back = np.argsort(np.concatenate(order))
        return Drawing.joined(taken).take(back), np.concatenate(parents)[back]

    def _next(self) -> int | None:
        """Return the best candidate that has no children, which then has."""
        while True:
            row = int(self._childless.argmax())
            if self._childless[row] == -math.inf:
                return None
            self._childless[row] = -math.inf
            choices = self._choices(row)
            if choices not in self._bred:
                self._bred.add(choices)
                return row

    def _selected(self, changes: Changes, selection: NDArray[np.float64]) -> Changes:
        # Each is a candidate of its own to the earlier searches, which are asked one by one.
        most = MOST_CHILDREN if self._judgement.earlier is None else DRAFTS
        return changes if len(changes) <= most else changes.among((selection[:most] * len(changes)).astype(np.int64))

    def _add(self, children: Drawing | Changes, parents: NDArray[np.int64], means: NDArray[np.float64]) -> None:
        self._broods.append(_Brood(children, parents, len(self)))
        self._means = np.append(self._means, means)
        self._childless = np.append(self._childless, means)

    def _find(self, row: int) -> _Brood:
        return self._broods[bisect_right(self._broods, row, key=lambda brood: brood.first) - 1]

    def _choices(self, row: int) -> Choices:
        brood = self._find(row)
        return brood.children.candidate(row - brood.first)
