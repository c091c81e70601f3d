"""The candidates that are bred for one proposal, and what the critic expects of them.

All candidates but those of the first generation are children of another one that differ from it in one decision. One
candidate after another has all of these children, each time the best one that has none yet: a best-first search.
Imports PyTorch through the critic.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.agents.critic.judgement import Beliefs
from evonas.agents.history import History
from evonas.agents.neighbours import Changes, Neighbourhood
from evonas.agents.sources import DRAFTS, Drawing
from evonas.space import Choices

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

    def __init__(self, neighbourhood: Neighbourhood, judgement: Beliefs) -> None:
        self._neighbourhood = neighbourhood
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

    def breed(self, values: NDArray[np.float64], selection: Callable[[int], NDArray[np.float64]]) -> bool:
        """Add the children of the best candidate that has none yet; False if all have.

        Numbers are uniform in [0, 1). ``values``, [decisions], say what is drawn where a change makes decisions exist;
        ``selection`` returns as many as are asked for, which say which children there are.
        """
        row = self._next()
        if row is None:
            return False
        brood = self._find(row)
        place = np.array([row - brood.first])
        parent = brood.children.take(place)
        descent = brood.descent(place)
        changes, special = self._neighbourhood.changes(parent)
        # The earlier searches are asked about one candidate after another.
        asked = self._judgement.knows_earlier
        most = DRAFTS if asked else MOST_CHILDREN
        if len(changes) > most:
            some = (selection(most) * len(changes)).astype(np.int64)
            changes, special = changes.among(some), special[some]
        if not (asked or special.any()):
            self._add_plain(changes, descent)
            return True
        special = special | asked
        self._add_plain(changes.among(~special), descent)
        children = self._neighbourhood.completed(changes.among(special), values)
        if len(children):
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

    def _add_plain(self, changes: Changes, descent: NDArray[np.int64]) -> None:
        """Add children for which the same decisions exist as for their parent."""
        if len(changes):
            origin = changes.parent.choices[0]
            self._add(changes, descent, self._judgement.expect_changed(origin, changes.positions, changes.values))

    def _add(self, children: Drawing | Changes, parents: NDArray[np.int64], means: NDArray[np.float64]) -> None:
        self._broods.append(_Brood(children, parents, len(self)))
        self._means = np.append(self._means, means)
        self._childless = np.append(self._childless, means)

    def _find(self, row: int) -> _Brood:
        return self._broods[bisect_right(self._broods, row, key=lambda brood: brood.first) - 1]

    def _choices(self, row: int) -> Choices:
        brood = self._find(row)
        return brood.children.candidate(row - brood.first)
