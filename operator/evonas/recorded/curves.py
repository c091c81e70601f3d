"""The two curves of the Evo-NAS paper (Maziarz et al., arXiv 1811.09828): moving average and best so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import accumulate

from evonas.search.means import plain_mean
from evonas.search.totals import WINDOW
from evonas.search.trial import Trial


def rewards_in_order(trials: Iterable[Trial]) -> list[float]:
    """Return the rewards in the order in which they were recorded, without those of confirmations and imports."""
    searched = (trial for trial in trials if not trial.is_confirmation and trial.imported is None)
    rewarded = [(trial.sequence or 0, trial.index, trial.reward) for trial in searched if trial.reward is not None]
    return [reward for _, _, reward in sorted(rewarded)]


def moving_average(rewards: Sequence[float], window: int = WINDOW) -> list[float]:
    """Return the mean of the last ``window`` rewards, fewer at the beginning."""
    recent: deque[float] = deque(maxlen=window)
    averages = []
    for reward in rewards:
        recent.append(reward)
        averages.append(plain_mean(recent))
    return averages


def best_so_far(rewards: Sequence[float], *, minimize: bool) -> list[float]:
    """Return for each reward the best one so far."""
    return list(accumulate(rewards, min if minimize else max))
