"""What the rest of the product knows about an agent: its methods, what it proposes, what it is restored from.
Everything else in this package is hidden behind these names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from evonas.errors import EvonasError
from evonas.space import Value

Origin = Literal["random", "mutation", "transfer", "policy", "sampler", "repeat"]


Reward = float | tuple[float, ...]
"""What a candidate is worth, larger is better: a number or, for an agent with several objectives, one for each."""


class SpaceExhausted(EvonasError):
    """Every candidate of the search space has been proposed."""


class InvalidRecord(EvonasError):
    """A recorded trial that cannot belong to this search: its decisions, outcome or index contradict the rest."""


@dataclass(frozen=True)
class Proposal:
    """A candidate to try, and where it comes from."""

    index: int
    """0, 1, 2, … in the order of the proposals."""
    decisions: dict[str, Value]
    """The active decisions by name, in the order of the space."""
    origin: Origin
    """``mutation``: from a parent. ``transfer``: from a candidate of an earlier search. ``policy``: drawn whole from
    the network. ``random``: drawn uniformly, in the warm-up or because everything that the agent drew had been proposed
    before. ``sampler``: drawn by Optuna or by an agent of another package. ``repeat``: a known candidate, whose rewards
    are too noisy to tell whether it is the best."""
    parent: int | None
    """Index of the candidate that was mutated, or that is repeated; None for other origins."""
    mutated: tuple[str, ...]
    """The decisions that were drawn from the policy and not copied: all of them for origin ``policy``, none for
    ``random`` and ``sampler``. A draw may return the parent's value."""
    observed_up_to: int
    """How many observations (including infeasible ones) the agent had seen."""
    redrawn: int
    """How many drawn candidates were discarded because they had been proposed before."""
    competitors: int = 1
    """How many candidates the critic compared to find this one; 1 without a critic."""
    value: float | None = None
    """What the critic expects of it, in normal scores of the rewards: 0 is the median, 1 one standard deviation above.
    With several objectives by which share the hypervolume of the front is expected to grow, on the critics' scales, or
    below zero by how much the candidate misses the front. None without a critic."""
    rank: int | None = None
    """Its rank among the competitors, from 1, by the critic's expectation and uncertainty; None without a critic."""
    policy_ratio: float | None = None
    """Probability of its drawn decisions under the policy, relative to a uniform policy; None for origin ``random``."""
    pinned: tuple[int, ...] = ()
    """Indexes of the results that were in the population only because they are pinned (``HasPopulation``)."""


@dataclass(frozen=True)
class Rung:
    """What a trial had reached at some step of its training, before its end."""

    step: int
    value: Reward | None
    """None if the candidate had diverged."""
    sequence: int
    """1-based place among the observations, which are numbered together with those of outcomes."""


@dataclass(frozen=True)
class Record:
    """One recorded trial: a proposal and what became of it."""

    index: int
    decisions: Mapping[str, Value]
    mutated: tuple[str, ...]
    """As in the proposal: REINFORCE learns only from these decisions."""
    observed_up_to: int
    """As in the proposal; kept for audits, the fold does not need it."""
    sequence: int | None
    """1-based place among the observations; None if it was never observed. Ties and gaps are allowed."""
    reward: Reward | None
    """None for an infeasible candidate, and if it was never observed."""
    abandoned: bool = False
    """It will never be observed."""
    foreign: bool = False
    """The agent did not propose it: a user listed it, it was imported from another search, or it confirms a leader. The
    agent learns from its reward as from any other."""
    rungs: tuple[Rung, ...] = ()
    """By ascending step; empty in a search that trains every candidate to its end."""
    stopped: bool = False
    """It was ended at its last rung, since others were better there: it has no reward, and ``sequence`` is the rung's.
    Only agents that are ``LearnsFromRungs`` are restored from such a record; others find the rung's value as reward."""
    pauses: bool = False
    """It was put aside at each of its rungs. Only agents that are ``LearnsFromRungs`` are restored from such a record;
    others find its reward, if it has one, and no rungs."""
    repeats: int | None = None
    """Index of the candidate that it trains again (origin ``repeat``); None for a new candidate."""


class Agent(Protocol):
    """Proposes candidates and learns from their rewards; any number may be pending.

    Proposals are a function of (space, settings, seed, the sequence of proposals and observations). Calls must not
    overlap; different agents may be called from different threads.
    """

    def propose(self) -> Proposal:
        """Return a candidate that was never proposed before, or one that is to be trained again (origin ``repeat``);
        SpaceExhausted if all were proposed.
        """

    def observe(self, index: int, reward: Reward | None) -> None:
        """Learn the reward of a pending proposal; None means infeasible.

        ValueError if the index is not pending, or the reward is not finite or not of as many objectives as the agent's.
        """

    def abandon(self, index: int) -> None:
        """Forget a pending proposal that will never be observed; ValueError if the index is not pending. The candidate
        is not proposed again: it may itself have caused the failure of its trial (a node out of memory, say), and a
        search must not spend its budget on one candidate.
        """

    def restore(self, records: Iterable[Record]) -> None:
        """Fold a recorded history into this new agent: proposals afterwards equal those of an uninterrupted agent.
        Observations are folded by (sequence, index); indexes may have gaps. InvalidRecord if a record cannot belong to
        this search, ValueError if the agent has already proposed.
        """

    @property
    def entropy(self) -> float | None:
        """Mean entropy of the policy's decisions relative to uniform ones, 0 to 1; None for agents that do not learn.

        Measured on the candidates of the latest training step; 1 before the first.
        """


@runtime_checkable
class LearnsFromRungs(Protocol):
    """An agent that learns from trials before they end. Others only learn the last value of a trial that was stopped,
    as its reward, and nothing of one that was put aside until it has a reward.
    """

    def observe_rung(self, index: int, step: int, value: Reward | None) -> None:
        """Learn what a pending proposal has reached at a step; None means that it has diverged.

        Steps of one proposal ascend. ValueError if the index is not pending, or the value is not finite or not of as
        many objectives as the agent's.
        """

    def stop(self, index: int) -> None:
        """Note that a pending proposal was ended at the rung that was observed last and will never have a reward.

        ValueError if the index is not pending or no rung of it was observed.
        """

    def pause(self, index: int) -> None:
        """Note that a pending proposal was put aside at the rung that was observed last. It stays pending and may go on
        later: then ``observe_rung`` and ``pause``, or ``observe`` follow. If it never does, it may be abandoned.

        ValueError if the index is not pending or no rung of it was observed since it was last put aside.
        """


@dataclass(frozen=True)
class Alternative:
    """A candidate that the next proposal is chosen from."""

    decisions: dict[str, Value]
    parent: int | None
    """As in a proposal."""
    policy_ratios: dict[str, float]
    """Probability under the policy of each decision that was drawn and not copied, relative to a uniform policy."""
    value: float | None
    """As in a proposal."""
    is_known: bool
    """Whether it was proposed before and is therefore skipped."""
    values: tuple[float, ...] | None = None
    """With several objectives, what critics expect of it in each: 0 is an average result, 1 is one standard deviation
    better. Else None."""
    owed: tuple[float, ...] | None = None
    """How much of the value is due to each earlier search; None without knowledge of any."""


@runtime_checkable
class Explaining(Protocol):
    """An agent that can show what its next proposal is chosen from."""

    def alternatives(self) -> Sequence[Alternative]:
        """Return the candidates for the next proposal, preferred ones first: the first unknown one is taken, unless the
        proposal repeats a known one. Changes nothing: the next proposal is the same whether or not this was called.
        """


@runtime_checkable
class HasPopulation(Protocol):
    """An agent that may have a population, which results leave as they age."""

    def pin(self, results: Iterable[Record]) -> None:
        """Keep these results however old they are, and no others; the pins are forgotten when the agent is restored.

        Each has a reward and was observed. Proposals name those that would have left by age alone
        (``Proposal.pinned``): after a restoration, pinning those gives the same proposals. ValueError for a result
        without a reward; an agent without a population ignores the call.
        """


@dataclass(frozen=True)
class Recommendation:
    """The candidate that is most likely the best, where rewards are noisy."""

    decisions: dict[str, Value]
    runs: int
    """How often it was trained."""
    mean: float
    """Of its rewards."""
    expected: float
    """What it is worth, as far as that is known: between its mean and that of other good candidates."""
    deviation: float
    """Standard deviation of what it may be worth."""


@runtime_checkable
class Recommending(Protocol):
    """An agent that may train candidates again, and knows more than which had the best reward."""

    @property
    def recommendation(self) -> Recommendation | None:
        """The candidate that is most likely the best; None if rewards are exact, or nothing is known of their noise."""


MARGINAL_SAMPLES = 2048
"""How many draws from a policy a marginal is averaged over. Probabilities are averaged, not draws: the standard error
is at most 0.011, and zero if the probabilities do not depend on other decisions."""


@dataclass(frozen=True)
class Marginal:
    """What a policy would choose for one decision, averaged over the decisions it may make before."""

    exists: float
    """Share of the policy's candidates that have the decision."""
    values: tuple[float, ...] | None
    """Probability of each value given that the decision exists, in the order of its values; None if it never
    existed."""


@runtime_checkable
class HasPolicy(Protocol):
    """An agent that can show what its policy would choose."""

    def policy_marginals(self) -> Mapping[str, Marginal] | None:
        """Return what the policy would choose now, by decision; None for an agent whose policy does not learn. Averaged
        over MARGINAL_SAMPLES draws with separate random numbers, or exact. Changes nothing: proposals are the same
        whether or not this was called.
        """
