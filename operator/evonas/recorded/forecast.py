"""What a search may cost, before anything runs: arithmetic on its declaration alone. Pure."""

from __future__ import annotations

import math
import random
from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from statistics import fmean

from evonas.fidelity import Fidelity
from evonas.search.budget import SECONDS_PER_HOUR
from evonas.search.promotion import decide, decide_to_promote
from evonas.spec import SearchSpec

MAX_TRIED = 5000
"""How many candidates are passed through the rungs to see how many go on; what more do is proportional."""


@dataclass(frozen=True)
class Forecast:
    """Upper bounds, without disruptions: the replacement of a disrupted pod does not count."""

    trials: int
    """What ``maxTrials`` and the size of the space allow."""
    attempts: int
    """If every trial, and every confirmation, fails as often as it may be retried, and goes on from every pause."""
    gpu_hours: float
    """If every attempt runs until its timeout, within ``maxGPUHours``."""
    uncapped_gpu_hours: float
    """The same without ``maxGPUHours``."""
    hours: float
    """From start to end if pods start at once, within ``maxSeconds`` except for the confirmations."""


def forecast(spec: SearchSpec) -> Forecast:
    """Return the bounds of a search."""
    trials = min(spec.budget.max_trials, spec.space.size)
    confirmations = 0 if spec.confirm is None else spec.confirm.runs
    tries = spec.trial.retries + 1
    parts = tries + pauses_at_most(spec)
    attempts = trials * parts + confirmations * tries
    uncapped = attempts * spec.trial.worst_gpu_seconds / SECONDS_PER_HOUR
    round_hours = parts * spec.trial.attempt_seconds / SECONDS_PER_HOUR
    hours = math.ceil(trials / spec.budget.parallel_trials) * round_hours
    if spec.budget.max_seconds is not None:
        # Running trials may continue until their timeout.
        hours = min(hours, spec.budget.max_seconds / SECONDS_PER_HOUR + round_hours)
    confirmation_hours = tries * spec.trial.attempt_seconds / SECONDS_PER_HOUR
    hours += math.ceil(confirmations / spec.budget.parallel_trials) * confirmation_hours
    allowed = spec.budget.max_gpu_hours
    return Forecast(trials, attempts, uncapped if allowed is None else min(uncapped, allowed), uncapped, hours)


def pauses_at_most(spec: SearchSpec) -> int:
    """Return how often a trial may pause."""
    return len(spec.fidelity.steps) - 1 if spec.fidelity is not None and spec.fidelity.pauses else 0


@dataclass(frozen=True)
class StepForecast:
    """How many steps a search with rungs trains, without repeats and lost checkpoints; confirmations are trained to the
    end.
    """

    most: int
    """If all candidates are equally good: all go on."""
    least: int
    """If every candidate is worse than those before it."""
    likely: int
    """If good and bad candidates come in random order, and the better one at a rung is the better one at the next."""


def forecast_steps(spec: SearchSpec, fidelity: Fidelity) -> StepForecast:
    """Return the bounds of a search with rungs. They hold for several objectives, too, since places decide; of two,
    both ends of a front are at the first place, and the likely number is too low by 30 % of 30 trials, 17 % of 100.
    """
    trials, last = min(spec.budget.max_trials, spec.space.size), fidelity.steps[-1]
    confirmations = 0 if spec.confirm is None else spec.confirm.runs * last
    tried = min(trials, MAX_TRIED)
    dice = random.Random(1)
    orders = [dice.sample(range(tried), tried) for _ in range(max(1, MAX_TRIED // tried))]
    count = _steps_with_pauses if fidelity.pauses else _steps
    likely = fmean(count(fidelity, order) for order in orders) * trials / tried
    least = count(fidelity, range(tried, 0, -1)) * trials / tried
    most = count(fidelity, [0] * tried) + (trials - tried) * last
    return StepForecast(most + confirmations, round(least) + confirmations, round(likely) + confirmations)


def _steps(fidelity: Fidelity, qualities: Iterable[float]) -> int:
    """Return how many steps are trained if candidates of these qualities come one after the other."""
    standings: dict[int, list[float]] = {step: [] for step in fidelity.steps}
    total = 0
    for quality in qualities:
        for step in fidelity.steps[:-1]:
            stops = decide(fidelity, standings[step], quality).stops
            insort(standings[step], quality)
            if stops:
                total += step
                break
        else:
            total += fidelity.steps[-1]
    return total


def _steps_with_pauses(fidelity: Fidelity, qualities: Iterable[float]) -> int:
    """Return the same where trials pause: after each candidate, those go on that the rule lets (``search.pausing``)."""
    rungs = fidelity.steps[:-1]
    standings: list[list[float]] = [[] for _ in rungs]
    paused: list[list[float]] = [[] for _ in rungs]
    """The best come first: the negated qualities, as heaps."""
    total = full = 0

    def come(place: int, quality: float) -> None:
        nonlocal total, full
        total += fidelity.steps[place] - (fidelity.steps[place - 1] if place else 0)
        if place == len(rungs):
            full += 1
        else:
            insort(standings[place], quality)
            heappush(paused[place], -quality)

    def goes_on(place: int) -> bool:
        return bool(paused[place]) and not decide_to_promote(fidelity, standings[place], -paused[place][0]).stops

    for quality in qualities:
        come(0, quality)
        while (place := next(filter(goes_on, reversed(range(len(rungs)))), None)) is not None:
            come(place + 1, -heappop(paused[place]))
    while not full:
        # A search does not end without a result.
        place = max(place for place in range(len(rungs)) if paused[place])
        come(place + 1, -heappop(paused[place]))
    return total
