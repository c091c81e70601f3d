"""What a problem is: a search space, the learning curve that a trial shows, and what a candidate is really worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.space import SearchSpace

Decisions = Mapping[str, Any]


@dataclass(frozen=True)
class Curve:
    """How one training went, as it would without an end before its time."""

    values: NDArray[np.float64]
    """[steps]: after each step, larger is better; the first that is not finite ends the training, which diverged."""
    seconds: float
    """Of a step."""

    @property
    def steps(self) -> int:
        """Return at which step the training ends by itself."""
        bad = np.flatnonzero(~np.isfinite(self.values))
        return int(bad[0]) + 1 if len(bad) else len(self.values)

    def value(self, step: int) -> float | None:
        """Return the value after a step, counted from 1; None if the training has diverged."""
        value = float(self.values[step - 1])
        return value if np.isfinite(value) else None


@dataclass(frozen=True)
class Problem:
    """One problem of the benchmark."""

    name: str
    space: SearchSpace
    rungs: tuple[int, ...]
    """Steps at which trials are compared, ascending; the last one is the longest training."""
    train: Callable[[Decisions, int, int], Curve]
    """What trial ``index`` of the run with ``seed`` shows: a function of candidate, seed and index."""
    judge: Callable[[Decisions], float]
    """The regret of a candidate: its mean value at the end of its training minus the best one's, in hundredths."""
    start_up: float
    """Seconds before the first step of a trial."""
    full: float
    """Mean seconds of a full training of a random candidate, start included."""
    unknown: float
    """The regret while no training has ended: that of the median candidate."""
