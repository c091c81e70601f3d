"""What the page shows for a policy: how far it departed from chance, and how its probabilities changed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from evonas.agents import agent_versions
from evonas.errors import EvonasError
from evonas.recorded.curves import moving_average
from evonas.recorded.policy_history import PolicyMoment, has_moved, policy_history
from evonas.recorded.search import RecordedSearch
from evonas.report.figures.lines import Line, line_figure


@dataclass(frozen=True)
class LearnedPolicy:
    """The policy of a search whose agent has one that learned."""

    history: list[PolicyMoment]
    """Empty if it cannot be derived."""
    problem: str
    """Why it cannot."""
    is_foreign: bool
    """Whether the proposals were made by other software versions than the ones installed here."""


@dataclass(frozen=True)
class PolicyView:
    """The same with its drawing."""

    learned: LearnedPolicy
    ratios: Markup


def view_policy(record: RecordedSearch) -> PolicyView | None:
    """Return what the page shows; None if no policy has learned."""
    learned = find_policy(record)
    return None if learned is None else PolicyView(learned, _ratio_figure(record))


def find_policy(record: RecordedSearch) -> LearnedPolicy | None:
    """Return how the policy changed; None if none has learned. Folds the record once."""
    if not has_moved(record.trials):
        return None
    history: list[PolicyMoment] = []
    problem = ""
    try:
        history = policy_history(record.spec, record.trials, experience=record.experience)
    except EvonasError as error:
        problem = str(error)
    here = agent_versions(record.spec.agent.type)
    return LearnedPolicy(
        history=history,
        problem=problem or ("" if history else "this agent cannot show what its policy would choose"),
        is_foreign=any(entry["versions"] != here for entry in record.environments),
    )


def _ratio_figure(record: RecordedSearch) -> Markup:
    """Draw how much likelier the policy's draws were under it than by chance."""
    ratios = [trial.proposal.policy_ratio for trial in record.trials if trial.proposal.policy_ratio]
    return line_figure(
        [Line("policy", moving_average([math.log10(ratio) for ratio in ratios]))],
        x_label="proposals drawn from the policy",
        y_label="log10 of the ratio",
        description="likelihood of the proposals' draws under the policy, relative to chance",
    )
