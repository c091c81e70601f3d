"""How much each decision matters: permutation importance in a random forest (Breiman 2001, sections 2, 3.1 and 10).

A forest is fitted to the results; a decision's importance is how much worse the forest predicts once that decision's
values are shuffled among the candidates. Variance that the forest cannot predict for unseen results says nothing about
any decision, so the share that it can predict is given beside the importances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evonas.report.forest import fit
from evonas.report.scaling import scaled
from evonas.search.trial import Trial
from evonas.space import SearchSpace

MIN_RESULTS = 20


@dataclass(frozen=True)
class Importance:
    """The importance of all decisions of a search."""

    explained: float
    """Share of the rewards' variance that the forest predicts for candidates that a tree was not fitted to."""
    shares: dict[str, float]
    """By decision, largest first; they sum to 1, or are all 0 if nothing was found."""


def find_importance(
    space: SearchSpace, trials: Sequence[Trial], values: Sequence[float] | None = None
) -> Importance | None:
    """Return the importances for the rewards, or for other ``values`` of trials that all have a reward; None until
    there are ``MIN_RESULTS`` of them, not all equal.
    """
    rewarded = [trial for trial in trials if trial.reward is not None]
    rewards = scaled(np.array([trial.reward for trial in rewarded] if values is None else values, np.float64))[0]
    if len(rewarded) < MIN_RESULTS or np.ptp(rewards) == 0:
        return None
    # Trees split at thresholds: an absent decision is a separate value, below all others.
    found = fit(np.array([space.to_choices(trial.decisions) for trial in rewarded]), rewards)
    positive = np.maximum(found.losses, 0)
    shares = positive / positive.sum() if positive.sum() > 0 else positive
    order = np.argsort(-shares, kind="stable")
    return Importance(
        explained=found.explained,
        shares={space.decisions[position].name: float(shares[position]) for position in order},
    )
