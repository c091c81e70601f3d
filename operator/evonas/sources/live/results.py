"""What the results of one search reached in their order, and how the best of them, or their front, grew: 16 bytes a
result and, with several objectives, as many more as it has values.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from evonas.errors import EvonasError
from evonas.recorded.curves import best_so_far
from evonas.recorded.fronts import Growth
from evonas.search.objective import oriented_values, values_of
from evonas.search.trial import Trial
from evonas.sources.live.seen import TREND_POINTS
from evonas.spec import Objective

_PLACES = 1 << 17
"""More than there can be indexes (``names.MAX_INDEX``)."""
_BEFORE = 1 << 60
"""More than there can be keys: those of imported results come first."""


class Results:
    """What was searched here: without confirmations and, unless there are several objectives, without imports, as in
    ``recorded.curves``.
    """

    def __init__(self) -> None:
        self._keys = array("q")
        self._rewards = array("d")
        self._known: set[int] = set()
        """Places in the sequence."""
        self._front: FrontResults | None = None
        """Made when it is known that there are several objectives."""

    def put(self, trial: Trial) -> None:
        """Take in a trial, any number of times."""
        if self._front is not None:
            self._front.put(trial)
        if trial.reward is None or trial.is_confirmation or trial.imported is not None:
            return
        key = (trial.sequence or 0) * _PLACES + trial.index
        if key in self._known:
            self._rewards[self._keys.index(key)] = trial.reward
            return
        self._known.add(key)
        self._keys.append(key)
        self._rewards.append(trial.reward)

    def drop(self, index: int) -> None:
        """Forget a deleted trial."""
        if self._front is not None:
            self._front.drop(index)
        kept = [place for place, key in enumerate(self._keys) if key % _PLACES != index]
        self._keys = array("q", [self._keys[place] for place in kept])
        self._rewards = array("d", [self._rewards[place] for place in kept])
        self._known = set(self._keys)

    def trend(
        self, objectives: Sequence[Objective], known: Callable[[], Iterable[Trial]], points: int = TREND_POINTS
    ) -> Sequence[float]:
        """Return the best so far or, with several objectives, the hypervolume at so many places at most, evenly spread,
        the last one always. ``known`` are the trials that were put before it was known that there are several.
        """
        if len(objectives) > 1:
            if self._front is None or self._front.objectives != objectives:
                self._front = FrontResults(objectives, known())
            return self._front.trend(points)
        minimize = any(objective.minimize for objective in objectives)
        rewards = [self._rewards[place] for place in sorted(range(len(self._keys)), key=self._keys.__getitem__)]
        best = best_so_far(rewards, minimize=minimize)
        return tuple(best[place] for place in evenly(len(best), points))


class FrontResults:
    """The values of all results but confirmations, imported ones first."""

    def __init__(self, objectives: Sequence[Objective], trials: Iterable[Trial]) -> None:
        self.objectives = objectives
        self._keys = array("q")
        self._values = array("d")
        """Oriented, those of one result after those of another."""
        self._places: dict[int, int] = {}
        """By key."""
        self._last = 0
        self._growth: Growth | None = None
        """None if results did not come in their order, and all must be put into it anew."""
        for trial in trials:
            self.put(trial)

    def put(self, trial: Trial) -> None:
        """Take in a trial, any number of times."""
        if trial.reward is None or trial.is_confirmation:
            return
        try:
            values = values_of(self.objectives, trial)
        except EvonasError:
            # Whoever asks for the record is told that it was changed.
            return
        assert values is not None
        point = array("d", oriented_values(self.objectives, values))
        key = (trial.sequence or 0) * _PLACES + trial.index - (_BEFORE if trial.imported is not None else 0)
        place, width = self._places.get(key), len(self.objectives)
        if place is not None:
            if self._values[place * width : (place + 1) * width] != point:
                self._values[place * width : (place + 1) * width] = point
                self._growth = None
            return
        self._places[key] = len(self._keys)
        self._keys.append(key)
        self._values.extend(point)
        if self._growth is not None and key > self._last:
            self._growth.add(np.array([point]))
        else:
            self._growth = None
        self._last = max(self._last, key)

    def drop(self, index: int) -> None:
        """Forget a deleted trial."""
        width = len(self.objectives)
        kept = [place for place, key in enumerate(self._keys) if key % _PLACES != index]
        values = (self._values[place * width : (place + 1) * width] for place in kept)
        self._keys, self._values = array("q", [self._keys[place] for place in kept]), sum(values, array("d"))
        self._places = {key: place for place, key in enumerate(self._keys)}
        self._growth = None

    def trend(self, points: int) -> Sequence[float]:
        """Return the hypervolume at so many places at most, evenly spread, the last one always."""
        growth = self._grown()
        return tuple(growth.at([place + 1 for place in evenly(growth.results, points)]))

    def _grown(self) -> Growth:
        if self._growth is None:
            self._growth = Growth(self.objectives)
            keys = np.array(self._keys)
            order = np.argsort(keys)
            values = np.array(self._values).reshape(len(keys), len(self.objectives))[order]
            imported = int((keys < 0).sum())
            self._growth.add(values[:imported], are_results=False)
            self._growth.add(values[imported:])
        return self._growth


def evenly(count: int, most: int) -> Sequence[int]:
    """Return up to ``most`` of the places 0 to ``count`` - 1, evenly spread, the first and the last among them."""
    if count <= most:
        return range(count)
    return [round(step * (count - 1) / (most - 1)) for step in range(most)]
