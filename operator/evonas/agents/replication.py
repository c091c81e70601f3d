"""What is known of candidates that were trained more than once: their noise, and which of them is best. Pure.

A reward is a candidate's worth plus noise whose variance is the same for all. The variance is that among rewards of one
candidate, pooled; the worth of the better half of the candidates is taken for normally distributed, with the mean and
variance that their rewards leave to it once the noise is taken off. A candidate's rewards then say what to expect of it
(empirical Bayes, Efron & Morris 1973): the fewer there are, the closer it is to the others.

Nothing depends on the order in which results were added.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

Candidate = TypeVar("Candidate", int, tuple[int, ...])

EXACT_AFTER = 3
"""Repeats that gave the candidate's reward again, to the last bit, after which rewards are taken for exact."""
LEADERS = 64
"""How many candidates there are beliefs about: the best."""
POOL = 256
"""How many candidates, at most, the distribution of worth is estimated from."""
LARGEST = 1e150
"""A reward beyond which squares would overflow."""
LEAST_SPREAD = 1e-3
"""Least variance of worth, relative to that of the noise."""


@dataclass(frozen=True)
class Belief(Generic[Candidate]):
    """What is known of one candidate."""

    candidate: Candidate
    runs: int
    """How many rewards it has."""
    mean: float
    """Of these."""
    expected: float
    """What it is worth, as far as that is known."""
    deviation: float
    """Standard deviation of what it may be worth, once the repeats that are under way are known, too."""


class Replications(Generic[Candidate]):
    """Rewards by candidate; larger is better."""

    def __init__(self) -> None:
        self._places: dict[Candidate, int] = {}
        self._means: list[float] = []
        self._runs: list[int] = []
        self._repeated: dict[Candidate, tuple[float, ...]] = {}
        """Rewards, ascending, of candidates with more than one."""
        self._squares: dict[Candidate, float] = {}
        """Sums of their squared distances from their mean."""
        self._refused: set[Candidate] = set()
        """Candidates that were infeasible when they were trained again."""
        self.repeats = 0
        """Rewards beyond the first of their candidate."""

    def __contains__(self, candidate: Candidate) -> bool:
        """Return whether it has a reward."""
        return candidate in self._places

    def copy(self) -> Replications[Candidate]:
        """Return a copy that can be added to."""
        more = Replications[Candidate]()
        more._places, more._means, more._runs = self._places.copy(), self._means.copy(), self._runs.copy()
        more._repeated, more._squares = self._repeated.copy(), self._squares.copy()
        more._refused, more.repeats = self._refused.copy(), self.repeats
        return more

    def add(self, candidate: Candidate, reward: float) -> None:
        """Add a reward."""
        if candidate not in self._places:
            self._places[candidate] = len(self._means)
            self._means.append(reward)
            self._runs.append(1)
            return
        place = self._places[candidate]
        known: tuple[float, ...] = self._repeated.get(candidate, (self._means[place],))
        self._repeated[candidate] = rewards = tuple(sorted([*known, reward]))
        mean = sum(rewards) / len(rewards)
        # A power would raise where a product overflows, and so would their sum.
        self._squares[candidate] = min(sum((each - mean) * (each - mean) for each in rewards), LARGEST)
        self._means[place], self._runs[place] = mean, len(rewards)
        self.repeats += 1

    def refuse(self, candidate: Candidate) -> None:
        """Note that a candidate was infeasible: whatever its rewards are, it is no leader."""
        self._refused.add(candidate)

    def mean(self, candidate: Candidate) -> float:
        """Return the mean of its rewards; KeyError without any."""
        return self._means[self._places[candidate]]

    @property
    def noise(self) -> float:
        """Variance among the rewards of one candidate; 0 as long as none was repeated."""
        if not self.repeats:
            return 0.0
        return math.fsum(self._squares.values()) / self.repeats

    @property
    def is_exact(self) -> bool:
        """Return whether repeats have shown that there is no noise."""
        return self.repeats >= EXACT_AFTER and all(each[0] == each[-1] for each in self._repeated.values())

    def best_once(self, without: Iterable[Candidate]) -> Candidate | None:
        """Return the best candidate with one reward, the earliest among equals; None if there is none."""
        left_out = {*without, *self._repeated, *self._refused}
        once = [candidate for candidate in self._places if candidate not in left_out]
        return max(once, key=self.mean, default=None)

    def leaders(self, under_way: Mapping[Candidate, int] | None = None) -> list[Belief[Candidate]]:
        """Return what to expect of the best candidates, best first; nothing as long as the noise is not known.
        ``under_way`` counts the repeats without a result.
        """
        noise = self.noise
        if not 0 < noise < LARGEST or max(map(abs, self._means)) > LARGEST:
            return []
        means, runs = np.array(self._means), np.array(self._runs)
        size = min(POOL, (len(means) + 1) // 2)
        chosen = np.flatnonzero(means >= np.partition(means, len(means) - size)[len(means) - size])
        pool = chosen[np.lexsort((runs[chosen], means[chosen]))]
        centre = float(means[pool].mean())
        spread = max(float(means[pool].var() - noise * (1 / runs[pool]).mean()), LEAST_SPREAD * noise)
        candidates = [*self._places]
        beliefs = []
        for place in pool.tolist():
            candidate, count = candidates[place], self._runs[place]
            if candidate in self._refused:
                continue
            expected = (count * spread * self._means[place] + noise * centre) / (count * spread + noise)
            known = count + (under_way or {}).get(candidate, 0)
            deviation = (noise * spread / (known * spread + noise)) ** 0.5
            beliefs.append(Belief(candidate, count, self._means[place], expected, deviation))
        return sorted(beliefs, key=lambda belief: (-belief.expected, belief.candidate))[:LEADERS]
