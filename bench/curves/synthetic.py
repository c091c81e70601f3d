"""Curves of a formula that cross, of random problems: each seed makes another one of the same kind.

The space is what a training has: ordered decisions whose best values depend on each other, categories, a conditional
decision. They determine how good a candidate is in the end, and, in other ways, how fast it learns, how long a step
takes, and whether it diverges. Much of what makes a candidate good makes it slow.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.curves.problem import Curve, Decisions, Problem
from evonas.space import INACTIVE, Choices, SearchSpace

Numbers = NDArray[np.float64]

ORDERED, LEVELS = 7, 7
GUESSING, BEST = 0.1, 0.95
NOISE, TRAINING_NOISE = 0.004, 0.003
"""Deviations: of each value, and of a whole training from what its candidate is worth."""
STARTS = 24
"""Hill climbs from random candidates that look for the best one."""


class Landscape:
    """What candidates are like."""

    def __init__(self, seed: int, epochs: tuple[int, ...]) -> None:
        random = np.random.default_rng([19, seed])
        self.rungs = tuple(epochs[-1] // 3**k for k in range(3, -1, -1))
        self.space = _space(epochs)
        self._epochs = epochs
        size = len(self.space)
        self._best = random.uniform(0.15, 0.85, size)
        self._matters = random.dirichlet(np.full(size, 0.6)) * size
        self._together = random.normal(0, 0.35, (size, size))
        # Slow learners are on the side of the best ones, seen from the middle, and elsewhere.
        self._slow = 4.0 * (self._best - 0.5) + random.normal(0, 0.8, size)
        self._heavy = random.normal(0, 0.5, size)
        self._late = int(random.integers(3))
        self._fragile = int(random.integers(ORDERED))
        self._places = [random.permutation(len(decision.values)) for decision in self.space.decisions]

    def curve(self, choices: Choices) -> tuple[Numbers, float]:
        """Return the exact values after each step, and the seconds of a step."""
        place = self._position(choices)
        away = place - self._best
        distance = float(np.sum(self._matters * (away + self._together @ away) ** 2)) / len(place)
        end = GUESSING + (BEST - GUESSING) * math.exp(-1.5 * distance**1.5)
        slowness = self.rungs[-1] * math.exp(float(self._slow @ (place - 0.5)) - 2.0)
        length = self._length(choices)
        # A short training's schedule is short, too: it learns faster and ends a little lower.
        end -= 0.02 * math.log(self.rungs[-1] / length)
        steps = np.arange(1, length + 1)
        learnt = 1 - np.exp(-((steps / (slowness * (length / self.rungs[-1]) ** 0.5)) ** 0.7))
        if choices[ORDERED] == self._late:
            # Its learning rate falls late, and much is only learnt then.
            learnt *= 1 - 0.3 * (1 - steps / length)
        values = GUESSING + (end - GUESSING) * learnt
        if choices[self._fragile] == LEVELS - 1 and choices[ORDERED] == (self._late + 1) % 3:
            values[int(1 + slowness) :] = np.nan
        return values, math.exp(float(self._heavy @ (place - 0.5)))

    def final(self, choices: Choices) -> float:
        """Return the exact value at the end; that of guessing if the training diverges."""
        value = float(self.curve(choices)[0][-1])
        return value if math.isfinite(value) else GUESSING

    def best(self) -> float:
        """Return the best final value that hill climbing finds."""
        random = np.random.default_rng(0)
        return max(self._climb(self.space.unrank(int(random.random() * self.space.size))) for _ in range(STARTS))

    def _climb(self, choices: Choices) -> float:
        value, before = self.final(choices), -math.inf
        while value > before:
            before = value
            for neighbour in _neighbours(self.space, choices):
                if (other := self.final(neighbour)) > value:
                    value, choices = other, neighbour
        return value

    def _length(self, choices: Choices) -> int:
        return self._epochs[choices[-1]] if len(self._epochs) > 1 else self._epochs[0]

    def _position(self, choices: Choices) -> Numbers:
        """Return a number from 0 to 1 for each decision: categories stand in a hidden order, what is missing in the
        middle."""
        return np.array(
            [
                0.5
                if choice == INACTIVE
                else (choice if decision.ordered else self._places[position][choice]) / (len(decision.values) - 1)
                for position, (decision, choice) in enumerate(zip(self.space.decisions, choices, strict=True))
            ]
        )


@cache
def crossing(seed: int, epochs: tuple[int, ...] = (27,)) -> Problem:
    """Return a problem; with several ``epochs``, the length of the training is a decision."""
    landscape = Landscape(seed, epochs)
    space, best = landscape.space, landscape.best()
    random = np.random.default_rng(1)
    sample = [space.unrank(int(random.random() * space.size)) for _ in range(400)]
    costs = [len(values) * seconds for values, seconds in map(landscape.curve, sample)]
    step = float(np.mean(costs)) / landscape.rungs[-1]
    median = float(np.median([landscape.final(choices) for choices in sample]))

    def train(decisions: Decisions, run: int, index: int) -> Curve:
        values, seconds = landscape.curve(space.to_choices(decisions))
        noise = np.random.default_rng([seed, run, index])
        return Curve(
            values + TRAINING_NOISE * noise.standard_normal() + NOISE * noise.standard_normal(len(values)), seconds
        )

    def judge(decisions: Decisions) -> float:
        return 100 * (landscape.final(space.to_choices(decisions)) - best)

    name = f"{'crossing' if len(epochs) == 1 else 'lengths'}-{seed}"
    full = float(np.mean(costs)) + step
    return Problem(name, space, landscape.rungs, train, judge, step, full, 100 * (median - best))


def lengths(seed: int) -> Problem:
    """Return a problem whose trainings have 9, 27 or 81 epochs, as the search decides."""
    return crossing(seed, (9, 27, 81))


def _space(epochs: tuple[int, ...]) -> SearchSpace:
    ordered = [
        {"name": f"number_{k}", "range": {"min": 0, "max": LEVELS - 1, "steps": LEVELS, "integer": True}}
        for k in range(ORDERED)
    ]
    categories = [{"name": f"category_{k}", "values": ["a", "b", "c"]} for k in range(2)]
    conditional = [{"name": "extra", "values": ["x", "y"], "when": {"name": "category_1", "values": ["a", "b"]}}]
    length = [{"name": "epochs", "values": list(epochs)}] if len(epochs) > 1 else []
    return SearchSpace.parse([*ordered, *categories, *conditional, *length])


def _neighbours(space: SearchSpace, choices: Choices) -> list[Choices]:
    """Return the candidates that differ in one decision; one that begins to exist takes its first value."""
    found = []
    for position, decision in enumerate(space.decisions):
        for value in range(len(decision.values)):
            changed: list[int] = []
            for at, choice in enumerate(choices):
                active = space.is_active(at, changed)
                changed.append((value if at == position else max(choice, 0)) if active else INACTIVE)
            if tuple(changed) != choices:
                found.append(tuple(changed))
    return found
