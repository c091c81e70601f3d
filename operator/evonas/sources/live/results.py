"""The rewards of one search in the order of its results, and how the best of them grew: 16 bytes a result."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from evonas.recorded.curves import best_so_far
from evonas.search.trial import Trial
from evonas.sources.live.seen import TREND_POINTS

_PLACES = 1 << 17
"""More than there can be indexes (``names.MAX_INDEX``)."""


class Results:
    """The rewards of what was searched here: without those of confirmations and imports, as in ``recorded.curves``."""

    def __init__(self) -> None:
        self._keys = array("q")
        self._rewards = array("d")
        self._known: set[int] = set()
        """Places in the sequence."""

    def put(self, trial: Trial) -> None:
        """Take in a trial, any number of times."""
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
        kept = [place for place, key in enumerate(self._keys) if key % _PLACES != index]
        self._keys = array("q", [self._keys[place] for place in kept])
        self._rewards = array("d", [self._rewards[place] for place in kept])
        self._known = set(self._keys)

    def trend(self, *, minimize: bool, points: int = TREND_POINTS) -> Sequence[float]:
        """Return the best so far at so many places at most, evenly spread, the last one always."""
        rewards = [self._rewards[place] for place in sorted(range(len(self._keys)), key=self._keys.__getitem__)]
        best = best_so_far(rewards, minimize=minimize)
        return tuple(best[place] for place in evenly(len(best), points))


def evenly(count: int, most: int) -> Sequence[int]:
    """Return up to ``most`` of the places 0 to ``count`` - 1, evenly spread, the first and the last among them."""
    if count <= most:
        return range(count)
    return [round(step * (count - 1) / (most - 1)) for step in range(most)]
