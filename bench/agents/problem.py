"""What a problem is: a search space, what a trial reports, and what a candidate is really worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evonas.space import SearchSpace

Decisions = Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """One problem of the benchmark."""

    name: str
    space: SearchSpace
    judge: Callable[[Decisions], float]
    """What a candidate is worth; larger is better. Regrets are negative."""
    budgets: tuple[int, ...]
    """Numbers of trials at which the table reports; the last one is the length of a run."""
    report: Callable[[Decisions, np.random.Generator], float | None] | None = None
    """What one trial of it reports, None for infeasible; where not given, exactly what it is worth."""
    optimum: float | None = None
    """The best worth, if known: a run whose reports are exact ends early when it is reached."""

    floor: Callable[[], float] | None = None
    """Returns what the luckiest candidate is worth, on average, if every candidate is tried once; None without noise.
    Whoever tries no candidate twice ends there, however well it searches."""

    def evaluate(self, decisions: Decisions, seed: int, index: int) -> float | None:
        """Return what trial ``index`` of the run with ``seed`` reports: a function of these alone."""
        if self.report is None:
            return self.judge(decisions)
        return self.report(decisions, np.random.default_rng([seed, index]))
