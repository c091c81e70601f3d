"""Learning rates over a training, as pure functions of its progress: a resumed training needs no state for them."""

from __future__ import annotations

import math

SCHEDULES = ("constant", "cosine", "one_cycle")

_ONE_CYCLE_RISE = 0.3
_ONE_CYCLE_START = 1 / 25
_ONE_CYCLE_END = 1e-4 / 25


def factor(schedule: str, progress: float, warmup: float = 0.0) -> float:
    """Return the factor by which the highest learning rate is multiplied.

    ``progress`` is the share of all steps done, 0 to below 1; ``warmup`` the share in which the rate first rises from
    0 (of ``constant`` and ``cosine``; ``one_cycle`` has a rise of its own). ``cosine`` falls to 0 (Loshchilov & Hutter,
    arXiv 1608.03983, without restarts); ``one_cycle`` is that of Smith & Topin (arXiv 1708.07120) with torch's figures.
    """
    if schedule == "one_cycle":
        if progress < _ONE_CYCLE_RISE:
            return _between(_ONE_CYCLE_START, 1.0, progress / _ONE_CYCLE_RISE)
        return _between(1.0, _ONE_CYCLE_END, (progress - _ONE_CYCLE_RISE) / (1 - _ONE_CYCLE_RISE))
    if progress < warmup:
        return progress / warmup
    return 1.0 if schedule == "constant" else _between(1.0, 0.0, (progress - warmup) / (1 - warmup))


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
