"""One decision over time: which values the results have, and which the policy would choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evonas.recorded.policy_history import PolicyMoment
from evonas.report.figures.shares import share_figure
from evonas.report.figures.swatches import Swatch, swatches
from evonas.report.progress import value_shares
from evonas.search.trial import Trial
from evonas.space import Decision


@dataclass(frozen=True)
class ValuesView:
    """One decision over time."""

    name: str
    results: Markup
    policy: Markup | None
    """None if no policy learns, or the decision did not exist at any point when it was asked."""
    legend: list[Swatch]


def view_values(
    decision: Decision, rewarded: Sequence[Trial], population: int, history: Sequence[PolicyMoment]
) -> ValuesView:
    """Return both drawings of a decision; ``rewarded`` are the trials with a reward, in the order of the results."""
    has_absent = any(decision.name not in trial.decisions for trial in rewarded) or any(
        moment.marginals[decision.name].exists < 1 for moment in history
    )
    legend = swatches(decision, has_absent=has_absent)
    shares, steps = value_shares(decision, rewarded, population, has_absent=has_absent)
    policy = None
    if len(history) > 1:
        policy = share_figure(
            legend,
            [shares_of(moment, decision, has_absent=has_absent) for moment in history],
            [moment.rewards for moment in history],
            y_label="policy's probability",
            description=f"what the policy would choose for {decision.name} over time",
        )
    return ValuesView(
        name=decision.name,
        results=share_figure(
            legend, shares, steps, y_label="share of results", description=f"values of {decision.name} over time"
        ),
        policy=policy,
        legend=legend,
    )


def shares_of(moment: PolicyMoment, decision: Decision, *, has_absent: bool) -> list[float]:
    """Return the policy's probability of each value, with ``has_absent`` also of none, which comes last."""
    marginal = moment.marginals[decision.name]
    values = marginal.values or (0.0,) * len(decision.values)
    return [*(marginal.exists * value for value in values), *([1 - marginal.exists] if has_absent else [])]
