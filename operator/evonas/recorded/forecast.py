"""What a search may cost at most, before anything runs: arithmetic on its declaration alone. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evonas.search.budget import SECONDS_PER_HOUR
from evonas.spec import SearchSpec


@dataclass(frozen=True)
class Forecast:
    """Upper bounds, without disruptions: the replacement of a disrupted pod does not count."""

    trials: int
    """What ``maxTrials`` and the size of the space allow."""
    attempts: int
    """If every trial, and every confirmation, fails as often as it may be retried."""
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
    attempts = (trials + confirmations) * tries
    uncapped = attempts * spec.trial.worst_gpu_seconds / SECONDS_PER_HOUR
    round_hours = tries * spec.trial.attempt_seconds / SECONDS_PER_HOUR
    hours = math.ceil(trials / spec.budget.parallel_trials) * round_hours
    if spec.budget.max_seconds is not None:
        # Running trials may continue until their timeout.
        hours = min(hours, spec.budget.max_seconds / SECONDS_PER_HOUR + round_hours)
    hours += math.ceil(confirmations / spec.budget.parallel_trials) * round_hours
    allowed = spec.budget.max_gpu_hours
    return Forecast(trials, attempts, uncapped if allowed is None else min(uncapped, allowed), uncapped, hours)
