"""Detects candidates that cannot be built from their settings alone, without reading data or spending GPU time."""

from __future__ import annotations

from itertools import pairwise

from evonas_trial.spiking.settings import BOOLEAN, Settings

MAX_WEIGHTS = 100_000_000
"""With their gradients and the optimiser's two moments they take 1.6 GB, as much as the examples' pods have."""

_SIDES = {"digits": 8, "mnist": 28, "fashion-mnist": 28}


def obstacle(settings: Settings, problem: str) -> str | None:
    """Return why the network cannot be built; None if it can."""
    count = weights(settings, problem)
    if count > MAX_WEIGHTS:
        return (
            f"hidden_layers={settings.hidden_layers}, hidden_size={settings.hidden_size}: "
            f"{count:,} weights, and at most {MAX_WEIGHTS:,} can be trained here"
        )
    return None


def weights(settings: Settings, problem: str) -> int:
    """Return the number of synapses, including those of pulses."""
    inputs, outputs = (2, 2) if problem in BOOLEAN else (_SIDES[problem] ** 2, 10)
    sizes = [inputs, *[settings.hidden_size] * settings.hidden_layers, outputs]
    return sum((before + settings.n_pulses) * after for before, after in pairwise(sizes))
