"""How much each decision matters: permutation importance in a random forest (Breiman 2001, sections 2, 3.1 and 10).

A forest is fitted to the results; a decision's importance is how much worse the forest predicts once that decision's
values are shuffled among the candidates. What the forest cannot predict of results that it has not seen says nothing
about any decision: the share that it can is given beside the importances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evonas.errors import EvonasError
from evonas.search.trial import Trial
from evonas.space import SearchSpace

MIN_RESULTS = 20
TREES, SHUFFLES = 200, 10


@dataclass(frozen=True)
class Importance:
    """Of all decisions of a search."""

    explained: float
    """Share of the rewards' variance that the forest predicts for candidates that a tree was not fitted to."""
    shares: dict[str, float]
    """By decision, largest first; together 1, or all 0 where nothing was found."""


def find_importance(space: SearchSpace, trials: Sequence[Trial]) -> Importance | None:
    """Return the importances; None before there are ``MIN_RESULTS`` rewards that differ.

    EvonasError where scikit-learn is not installed.
    """
    rewarded = [trial for trial in trials if trial.reward is not None]
    rewards = np.array([trial.reward for trial in rewarded])
    if len(rewarded) < MIN_RESULTS or np.ptp(rewards) == 0:
        return None
    try:
        from sklearn.ensemble import RandomForestRegressor  # noqa: PLC0415
        from sklearn.inspection import permutation_importance  # noqa: PLC0415
    except ImportError as error:
        raise EvonasError("the importance of decisions needs scikit-learn: pip install 'evonas[report]'") from error
    # Trees split at thresholds: an absent decision is a value of its own, below all others.
    choices = np.array([space.to_choices(trial.decisions) for trial in rewarded])
    forest = RandomForestRegressor(TREES, oob_score=True, random_state=0).fit(choices, rewards)
    losses = permutation_importance(forest, choices, rewards, n_repeats=SHUFFLES, random_state=0).importances_mean
    positive = np.maximum(losses, 0)
    shares = positive / positive.sum() if positive.sum() > 0 else positive
    order = np.argsort(-shares, kind="stable")
    return Importance(
        explained=float(max(forest.oob_score_, 0)),
        shares={space.decisions[position].name: float(shares[position]) for position in order},
    )
