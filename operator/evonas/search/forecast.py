"""What a search may cost at worst, before anything runs: arithmetic on its declaration alone. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evonas.search.budget import SECONDS_PER_HOUR
from evonas.spec import SearchSpec


@dataclass(frozen=True)
class Forecast:
    """Upper bounds, disruptions apart: a disrupted pod is replaced without counting."""

    trials: int
    """What ``maxTrials`` and the size of the space admit."""
    attempts: int
    """If every trial fails as often as it may be retried."""
    gpu_hours: float
    """If every attempt runs until its timeout, within ``maxGPUHours``."""
    uncapped_gpu_hours: float
    """The same without ``maxGPUHours``."""
    hours: float
    """From start to end, pods starting at once, within ``maxSeconds``."""


def forecast(spec: SearchSpec) -> Forecast:
    """Return the bounds of a search."""
    trials = min(spec.budget.max_trials, spec.space.size)
    attempts = trials * (spec.trial.retries + 1)
    hours_each = spec.trial.timeout_seconds / SECONDS_PER_HOUR
    uncapped = attempts * spec.trial.gpus * hours_each
    rounds = math.ceil(trials / spec.budget.parallel_trials) * (spec.trial.retries + 1)
    hours = rounds * hours_each
    if spec.budget.max_seconds is not None:
        # Trials under way may still run until their timeout.
        hours = min(hours, spec.budget.max_seconds / SECONDS_PER_HOUR + hours_each * (spec.trial.retries + 1))
    allowed = spec.budget.max_gpu_hours
    return Forecast(trials, attempts, uncapped if allowed is None else min(uncapped, allowed), uncapped, hours)
