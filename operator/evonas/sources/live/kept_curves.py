"""Learning curves, as far as their reports were seen: bounded in points a curve and in curves altogether. Pure."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from itertools import chain, islice, product

from evonas.search.trial import Trial
from evonas.search.trial_progress import Progress
from evonas.sources.live.seen import SeenCurve

MAX_POINTS = 160
MAX_METRICS = 12
MAX_CURVES = 2_000
MAX_SHOWN = 300
"""Curves of one search that are told at a time."""


class KeptCurve:
    """What one trial has reported, by step."""

    def __init__(self) -> None:
        self.attempt = 0
        self.steps = array("q")
        self.metrics: dict[str, array[float]] = {}
        """NaN where a metric was not reported, or was no number."""
        self._reports = 0
        self._every = 1
        """So many reports are one point that stays; the last point of all is always there."""
        self._stays = True
        """Whether the last point does."""
        self.told: tuple[Trial, bool, SeenCurve] | None = None
        """As it was last told: of which trial, and whether that was running."""

    def see(self, attempt: int, progress: Progress) -> bool:
        """Take in a report; says whether it tells anything new."""
        if attempt < self.attempt:
            return False
        before, self.told = self._state(), None
        self.attempt = attempt
        # Trained again from a checkpoint before them.
        self._cut(progress.step + 1)
        if self.steps and self.steps[-1] < progress.step:
            if not self._stays:
                self._cut(self.steps[-1])
            self._reports += 1
            self._stays = self._reports % self._every == 0
        now = {**progress.rungs.get(progress.step, {}), **progress.metrics}
        for step, metrics in sorted({**progress.rungs, progress.step: now}.items()):
            if step <= progress.step:
                self._put(step, metrics)
        if len(self.steps) > MAX_POINTS:
            self._thin_out()
        return before != self._state()

    def values(self, name: str) -> dict[int, float | None]:
        """Return a metric by step."""
        return {step: _finite(value) for step, value in zip(self.steps, self.metrics[name], strict=True)}

    def _state(self) -> tuple[int, int, int, Sequence[float]]:
        last = [values[-1] for values in self.metrics.values()] if self.steps else []
        return self.attempt, len(self.steps), self.steps[-1] if self.steps else -1, [*map(_comparable, last)]

    def _cut(self, step: int) -> None:
        place = bisect_left(self.steps, step)
        del self.steps[place:]
        for values in self.metrics.values():
            del values[place:]

    def _put(self, step: int, metrics: Mapping[str, float]) -> None:
        place = bisect_left(self.steps, step)
        if place == len(self.steps) or self.steps[place] != step:
            self.steps.insert(place, step)
            for values in self.metrics.values():
                values.insert(place, math.nan)
        for name, value in metrics.items():
            if name not in self.metrics and len(self.metrics) < MAX_METRICS:
                self.metrics[name] = array("d", [math.nan] * len(self.steps))
            if name in self.metrics:
                self.metrics[name][place] = value

    def _thin_out(self) -> None:
        """Leave out every second point; the first and the last stay. What follows is to be as sparse."""
        self._every *= 2
        last = len(self.steps) - 1
        places = [place for place in range(last) if place % 2 == 0] + [last]
        self.steps = array("q", [self.steps[place] for place in places])
        self.metrics = {name: array("d", [values[place] for place in places]) for name, values in self.metrics.items()}


class KeptCurves:
    """The curves of all searches; those that were seen least recently make room."""

    def __init__(self, most: int = MAX_CURVES) -> None:
        self._most = most
        self._curves: OrderedDict[tuple[str, int], KeptCurve] = OrderedDict()

    def see(self, search: str, index: int, attempt: int, progress: Progress) -> bool:
        """Take in a report of a search's trial; says whether it tells anything new."""
        curve = self._curves.setdefault((search, index), KeptCurve())
        self._curves.move_to_end((search, index))
        while len(self._curves) > self._most:
            self._curves.popitem(last=False)
        return curve.see(attempt, progress)

    def forget(self, search: str) -> None:
        """Drop all curves of a search."""
        for key in [key for key in self._curves if key[0] == search]:
            del self._curves[key]

    def told(
        self,
        search: str,
        trials: Sequence[Trial],
        running: Collection[int],
        objectives: Sequence[str],
        most: int = MAX_SHOWN,
    ) -> list[SeenCurve]:
        """Return the curves of those of the trials that have one: of running ones first, then from the latest on.
        ``objectives`` are the names of the search's.
        """
        now = [trial for trial in trials if trial.index in running]
        rest = (trial for trial in reversed(trials) if trial.index not in running)
        having = (trial for trial in chain(now, rest) if trial.rungs or (search, trial.index) in self._curves)
        return [self.one(search, trial, objectives, running=trial.index in running) for trial in islice(having, most)]

    def one(self, search: str, trial: Trial, objectives: Sequence[str], *, running: bool) -> SeenCurve:
        """Return a trial's curve: what was seen, and its rungs, which are recorded."""
        seen = self._curves.get((search, trial.index)) or KeptCurve()
        if seen.told is None or seen.told[0] is not trial or seen.told[1] is not running:
            seen.told = (trial, running, _told(seen, trial, objectives, running=running))
        return seen.told[2]


def _told(seen: KeptCurve, trial: Trial, objectives: Sequence[str], *, running: bool) -> SeenCurve:
    metrics = {name: seen.values(name) for name in seen.metrics}
    for rung, (place, objective) in product(trial.rungs, enumerate(objectives)):
        # What was reported at that step says more, and is the same where both are there.
        if metrics.get(objective, {}).get(rung.step) is None:
            metrics.setdefault(objective, {})[rung.step] = None if rung.values is None else rung.values[place]
    steps = sorted({*seen.steps, *(rung.step for rung in trial.rungs)})
    columns = {name: [values.get(step) for step in steps] for name, values in metrics.items()}
    return SeenCurve(trial.index, seen.attempt, running, steps, columns)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _comparable(value: float) -> float:
    return math.inf if math.isnan(value) else value
