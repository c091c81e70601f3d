"""What added to the front of a search with several objectives, at what cost, and what random candidates would have had:
the hypervolume over all trials that ended. Pure. ``fronts`` has it over the results alone.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evonas.domination import Points, hypervolume
from evonas.recorded.search import RecordedSearch
from evonas.search.budget import SECONDS_PER_HOUR
from evonas.search.means import deviation, mean
from evonas.search.objective import meets_references, oriented_values, values_of
from evonas.search.trial import Trial

MIN_RANDOM = 5
"""With fewer random candidates, nothing is said about what others like them would have had."""
MAX_RANDOM = 1000
"""How many random candidates are put in other orders at most: the first ones."""
ORDERS = 30
"""In how many random orders they are put."""


@dataclass(frozen=True)
class Addition:
    """A trial that was on the front when it ended."""

    trial: Trial
    gain: float
    """By how much the hypervolume grew, at most what a float holds."""
    hypervolume: float
    """What it came to."""
    hours: float
    """Spent by all trials until then: GPU hours in a search that uses GPUs, hours of trials in any other."""


@dataclass(frozen=True)
class Course:
    """How the hypervolume grew: measured from one reference all the time, that at the end."""

    hypervolumes: tuple[float, ...]
    """After each trial that ended here."""
    hours: tuple[float, ...]
    """What had been spent until then (``Addition.hours``)."""
    additions: tuple[Addition, ...]
    """In the order in which they ended."""


@dataclass(frozen=True)
class Chance:
    """What as many random candidates have: the search's own, in random orders."""

    candidates: int
    """How many there are."""
    means: tuple[float, ...]
    """Hypervolume of the first, of the first two, and so on."""
    deviations: tuple[float, ...]
    """Of the orders; they have all in common at the end, so there it is 0."""


def course(record: RecordedSearch, reference: Sequence[float]) -> Course:
    """Return how the hypervolume above a reference grew while trials ended, those without a result included, without
    confirmations.
    """
    front = _Growing(record, reference)
    hypervolumes, spent, additions = [], [], []
    hours = 0.0
    for trial in _ended(record):
        hours += (trial.gpu_seconds if record.uses_gpus else trial.seconds or 0.0) / SECONDS_PER_HOUR
        if (gain := front.add(trial)) is not None:
            additions.append(Addition(trial, gain, front.hypervolume, hours))
        if trial.imported is None:
            hypervolumes.append(front.hypervolume)
            spent.append(hours)
    return Course(tuple(hypervolumes), tuple(spent), tuple(additions))


def chance(record: RecordedSearch, reference: Sequence[float]) -> Chance | None:
    """Return what random candidates have: means and deviations over random orders of those that the agent drew
    uniformly, most of them to begin with. They say what a random search has, and nothing of what more of them would
    have. None if there are too few, and for an agent that draws no others.
    """
    drawn = [trial for trial in _ended(record) if trial.proposal.origin == "random"][:MAX_RANDOM]
    if len(drawn) < MIN_RANDOM or record.spec.agent.type == "Random":
        return None
    courses = []
    for seed in range(ORDERS):
        front, found = _Growing(record, reference), []
        for trial in random.Random(seed).sample(drawn, len(drawn)):
            front.add(trial)
            found.append(front.hypervolume)
        courses.append(found)
    columns = [*zip(*courses, strict=True)]
    return Chance(len(drawn), tuple(map(mean, columns)), tuple(deviation(column) or 0.0 for column in columns))


class _Growing:
    """A front that trials are added to, with its hypervolume above a fixed reference."""

    def __init__(self, record: RecordedSearch, reference: Sequence[float]) -> None:
        self._objectives = record.spec.objectives
        self._corner = oriented_values(self._objectives, reference)
        self._points: Points = np.empty((0, len(self._corner)))
        self.hypervolume = 0.0

    def add(self, trial: Trial) -> float | None:
        """Add a trial and return by how much the hypervolume grew; None if it is not on the front, or has no result."""
        values = values_of(self._objectives, trial)
        if values is None:
            return None
        point = np.array(oriented_values(self._objectives, values))
        if not meets_references(self._objectives, values) or (self._points >= point).all(axis=1).any():
            return None
        # What a point adds is what it dominates, less what others dominate of that.
        own = hypervolume(point[None], self._corner)
        gain = max(0.0, _least(own) - _least(hypervolume(np.minimum(self._points, point), self._corner)))
        self._points = np.vstack([self._points[(self._points > point).any(axis=1)], point])
        self.hypervolume = _least(self.hypervolume + gain)
        return gain


def _ended(record: RecordedSearch) -> list[Trial]:
    """Return the trials that ended, but for confirmations, in this order; before them what was known from elsewhere."""
    ended = [
        (trial.imported is None, trial.completion_time, trial.index, trial)
        for trial in record.trials
        if trial.completion_time is not None and trial.state.is_final and not trial.is_confirmation
    ]
    return [trial for *_, trial in sorted(ended, key=lambda each: each[:3])]


def _least(value: float) -> float:
    """Return the largest float for what is more than one holds."""
    return min(value, sys.float_info.max)
