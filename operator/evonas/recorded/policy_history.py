"""How a policy changed: the agent is asked at several points while the record is folded once. Pure, beside ``replay``.
A policy depends only on the results and their order, not on what was pending: nothing is proposed here, and a record
that cannot be replayed bit for bit (other versions, another processor) still shows how its policy changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from evonas.agents import HasPolicy, Marginal, create_agent
from evonas.errors import EvonasError
from evonas.search.proposer import record_of
from evonas.search.trial import Trial
from evonas.spec import SearchSpec

MOMENTS = 12
MAX_RESULTS = 5000
"""Beyond this a fold takes minutes: 2,000 results of 20 decisions take half a minute on one core."""


@dataclass(frozen=True)
class PolicyMoment:
    """The policy after some results."""

    rewards: int
    """How many of them had a reward."""
    marginals: Mapping[str, Marginal]
    """By decision."""


def has_moved(trials: Iterable[Trial]) -> bool:
    """Return whether a recorded proposal was more or less likely under its policy than by chance."""
    return any(trial.proposal.policy_ratio not in (None, 1.0) for trial in trials)


def policy_history(spec: SearchSpec, trials: Sequence[Trial], moments: int = MOMENTS) -> list[PolicyMoment]:
    """Return the policy at ``moments`` points spread evenly over the results, from before the first to after the last.
    Empty if the agent has no policy that learns. EvonasError if the record cannot belong to this search, or is too
    long. Costs one fold of the record and ``moments`` evaluations of the policy.
    """
    proposed = [trial for trial in trials if not trial.is_confirmation]
    results = sorted(
        (trial for trial in proposed if trial.sequence is not None),
        key=lambda trial: (trial.sequence or 0, trial.index),
    )
    if len(results) > MAX_RESULTS:
        raise EvonasError(f"the record has {len(results)} results, and no more than {MAX_RESULTS} are folded for this")
    agent = create_agent(spec.agent.type, spec.space, spec.agent.seed, spec.agent.settings)
    if not isinstance(agent, HasPolicy):
        return []
    agent.restore(replace(record_of(spec, trial), sequence=None, reward=None) for trial in proposed)
    rewarded = sum(trial.reward is not None for trial in results)
    due = {round(step * rewarded / (moments - 1)) for step in range(moments)}
    found: list[PolicyMoment] = []

    def look(rewards: int) -> None:
        if rewards in due and (marginals := agent.policy_marginals()) is not None:
            found.append(PolicyMoment(rewards, marginals))

    look(0)
    if not found:
        return []
    rewards = 0
    for trial in results:
        agent.observe(trial.index, record_of(spec, trial).reward)
        if trial.reward is not None:
            rewards += 1
            look(rewards)
    return found
