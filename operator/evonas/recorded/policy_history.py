"""How a policy changed: the agent is asked at several points while the record is folded once. Pure, beside ``replay``.
A policy depends only on the results and their order, not on what was pending: nothing is proposed here, and a record
that cannot be replayed bit for bit (other versions, another processor) still shows how its policy changed. So the agent
need not compute with what proposed: it looks back without PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from evonas.agents import NO_EXPERIENCE, Experience, HasPolicy, Marginal, Record
from evonas.errors import EvonasError
from evonas.search.lessons import in_order, lessons_of, new_agent, record_of, teach
from evonas.search.trial import Trial
from evonas.spec import SearchSpec

MOMENTS = 12
MAX_RESULTS = 20_000
"""So many of 20 decisions take about half a minute of one core with Neural, which learns from each."""


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


def policy_history(
    spec: SearchSpec, trials: Sequence[Trial], moments: int = MOMENTS, experience: Experience = NO_EXPERIENCE
) -> list[PolicyMoment]:
    """Return the policy at ``moments`` points spread evenly over the results, from before the first to after the last.
    Empty if the agent has no policy that learns. EvonasError if the record cannot belong to this search, or is too
    long. Costs one fold of the record and ``moments`` evaluations of the policy.
    """
    proposed = [trial for trial in trials if not trial.is_confirmation]
    lessons = in_order(chain.from_iterable(map(lessons_of, proposed)))
    if len(lessons) > MAX_RESULTS:
        raise EvonasError(f"the record has {len(lessons)} results, and no more than {MAX_RESULTS} are folded for this")
    agent = new_agent(spec, experience, looks_back=True)
    if not isinstance(agent, HasPolicy):
        return []
    agent.restore(_as_proposed(record_of(spec, trial)) for trial in proposed)
    rewarded = sum(trial.reward is not None for trial in proposed if trial.sequence is not None)
    due = {round(step * rewarded / (moments - 1)) for step in range(moments)}
    found: list[PolicyMoment] = []

    def look(rewards: int) -> None:
        if rewards in due and (marginals := agent.policy_marginals()) is not None:
            found.append(PolicyMoment(rewards, marginals))

    look(0)
    if not found:
        return []
    rewards = 0
    for lesson in lessons:
        teach(spec, agent, lesson)
        if lesson.rung is None and lesson.trial.reward is not None:
            rewards += 1
            look(rewards)
    return found


def _as_proposed(record: Record) -> Record:
    """Return a record before anything was learned from it; one that was abandoned may have taught before that."""
    return replace(
        record, sequence=None, reward=None, rungs=(), stopped=False, abandoned=record.abandoned and not record.rungs
    )
