"""What an agent may know from earlier searches before its first proposal. Pure; ``recorded.knowledge`` gathers it.

Earlier searches may have other decisions, other values and rewards of another unit. What counts are decisions of the
same name, values that both searches have, and ranks within a search.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from evonas.space import Choices

MAX_KEPT = 256
"""How many candidates of an earlier search are kept: the better half, and an even selection of the others."""


@dataclass(frozen=True)
class EarlierTask:
    """The results of one earlier search, in terms of this one's space."""

    source: str
    """Where they are from, as people call it."""
    decisions: tuple[str, ...]
    """Names of the decisions that both searches have, in the order of this search's space; at least one."""
    candidates: tuple[Choices, ...]
    """[results]: for each of these decisions an index into its values here, or INACTIVE; all different."""
    scores: tuple[float, ...]
    """[results]: what they were worth, larger is better, in normal scores of all results of the earlier search."""

    @classmethod
    def of(cls, source: str, decisions: tuple[str, ...], results: Iterable[tuple[Choices, float]]) -> EarlierTask:
        """Return what is kept of scored results; a candidate with several has their mean."""
        found: dict[Choices, list[float]] = {}
        for choices, score in results:
            found.setdefault(choices, []).append(score)
        scores = {choices: math.fsum(each) / len(each) for choices, each in found.items()}
        return cls(source, decisions, tuple(scores), tuple(scores.values())).reduced(MAX_KEPT)

    def reduced(self, most: int) -> EarlierTask:
        """Return this with at most so many candidates, best first, among equals the older ones: the best half, and an
        even selection of the others.
        """
        ranked = sorted(range(len(self.scores)), key=lambda place: self.scores[place], reverse=True)
        if len(ranked) > most:
            best, others = ranked[: most // 2], ranked[most // 2 :]
            even = np.linspace(0, len(others) - 1, most - len(best)).round().astype(int)
            ranked = [*best, *(others[place] for place in even)]
        candidates = tuple(self.candidates[place] for place in ranked)
        return replace(self, candidates=candidates, scores=tuple(self.scores[place] for place in ranked))


@dataclass(frozen=True)
class Experience:
    """All that is known from earlier searches."""

    tasks: tuple[EarlierTask, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tasks)


NO_EXPERIENCE = Experience()
