"""What the rest of the product knows of an agent: its methods, what it proposes, what it is restored from.

Everything else in this package stands behind these names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from evonas.errors import EvonasError
from evonas.space import Value

Origin = Literal["random", "mutation", "policy", "sampler"]


class SpaceExhausted(EvonasError):
    """Every candidate of the search space has been proposed: there is nothing left to propose."""


class InvalidRecord(EvonasError):
    """A recorded trial that cannot belong to this search: its decisions, outcome or index contradict the rest."""


@dataclass(frozen=True)
class Proposal:
    """A candidate to try, and how it came about."""

    index: int
    """0, 1, 2, … in the order of the proposals."""
    decisions: dict[str, Value]
    """The active decisions by name, in the order of the space."""
    origin: Origin
    """``mutation``: from a parent. ``policy``: drawn whole from the network. ``random``: drawn uniformly, in the
    warm-up or because everything that the agent drew had been proposed before. ``sampler``: by what is not ours,
    Optuna or an agent of another package."""
    parent: int | None
    """Index of the candidate that was mutated; None for other origins."""
    mutated: tuple[str, ...]
    """The decisions that were drawn from the policy and not copied: all of them for origin ``policy``, none for
    ``random`` and ``sampler``. A draw may return the parent's value."""
    observed_up_to: int
    """How many observations (infeasible ones included) the agent had seen."""
    redrawn: int
    """How many drawn candidates were thrown away because they had been proposed before."""
    competitors: int = 1
    """How many candidates the critic compared to find this one; 1 without a critic."""
    value: float | None = None
    """What the critic expects of it, in normal scores of the rewards: 0 is the median, 1 one standard deviation above.
    None without a critic."""
    rank: int | None = None
    """Its place among the competitors, from 1, by what the critic expects and how unsure it is; None without one."""
    policy_ratio: float | None = None
    """Probability of its drawn decisions under the policy, relative to a uniform one; None for origin ``random``."""
    pinned: tuple[int, ...] = ()
    """Indexes of the results that were in the population only because they are pinned (``HasPopulation``)."""


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
    """1-based place among the observations; None where it was never observed. Ties and gaps are allowed."""
    reward: float | None
    """Larger is better; None for an infeasible candidate, and where it was never observed."""
    abandoned: bool = False
    """It will never be observed."""
    foreign: bool = False
    """The agent did not propose it: a user listed it, it was imported from another search, or it confirms a leader. Its
    reward is learned from as any other."""


class Agent(Protocol):
    """Proposes candidates and learns from their rewards; any number may be pending.

    Proposals are a function of (space, settings, seed, the sequence of proposals and observations). Calls must not
    overlap; different agents may be called from different threads.
    """

    def propose(self) -> Proposal:
        """Return a candidate that was never proposed before; SpaceExhausted where there is none."""

    def observe(self, index: int, reward: float | None) -> None:
        """Learn the reward of a pending proposal: larger is better, None means infeasible.

        ValueError where the index is not pending or the reward not finite.
        """

    def abandon(self, index: int) -> None:
        """Forget a pending proposal that will never be observed; ValueError where the index is not pending.

        The candidate is not proposed again: what broke its trial (a node out of memory, say) may well be its own
        doing, and a search must not spend its budget on one candidate.
        """

    def restore(self, records: Iterable[Record]) -> None:
        """Fold a recorded history into this new agent: proposals afterwards equal those of an undisturbed agent.

        Observations are folded by (sequence, index); indexes may have gaps. InvalidRecord where a record cannot be
        of this search, ValueError where the agent has already proposed.
        """

    @property
    def entropy(self) -> float | None:
        """Mean entropy of the policy's decisions relative to uniform ones, 0 to 1; None for agents that do not learn.

        Measured on the candidates of the latest training step; 1 before the first.
        """


@dataclass(frozen=True)
class Alternative:
    """A candidate that the next proposal is chosen from."""

    decisions: dict[str, Value]
    parent: int | None
    """As in a proposal."""
    policy_ratios: dict[str, float]
    """Probability of each decision that was drawn and not copied under the policy, relative to a uniform one."""
    value: float | None
    """As in a proposal."""
    is_known: bool
    """Whether it was proposed before, and is therefore passed over."""


@runtime_checkable
class Explaining(Protocol):
    """An agent that can say what its next proposal is chosen from."""

    def alternatives(self) -> Sequence[Alternative]:
        """Return the candidates of the next proposal, those preferred first: the first that is not known is taken.

        Changes nothing: the next proposal is the same whether this was asked or not.
        """


@runtime_checkable
class HasPopulation(Protocol):
    """An agent that may have a population, which results leave by age."""

    def pin(self, results: Iterable[Record]) -> None:
        """Let these results stay however old they are, and no others; forgotten when the agent is restored.

        Each has a reward and was observed. Proposals name those that age alone would have taken out
        (``Proposal.pinned``): after a restoration, pinning those gives the same proposals. ValueError for a result
        without a reward; an agent that has no population ignores all.
        """


MARGINAL_SAMPLES = 2048
"""How many draws from a policy a marginal is averaged over. What is averaged are probabilities, not draws: the standard
error is at most 0.011, and none where the probabilities depend on no other decision."""


@dataclass(frozen=True)
class Marginal:
    """What a policy would decide about one decision, averaged over what it may decide before."""

    exists: float
    """Share of its candidates that have the decision."""
    values: tuple[float, ...] | None
    """Probability of each value where the decision exists, in the order of its values; None where it never did."""


@runtime_checkable
class HasPolicy(Protocol):
    """An agent that can say what its policy would decide."""

    def policy_marginals(self) -> Mapping[str, Marginal] | None:
        """Return what the policy would decide now, by decision; None for an agent whose policy does not learn.

        Averaged over MARGINAL_SAMPLES draws with numbers of their own, or exactly.
        Changes nothing: proposals are the same whether this was asked or not.
        """
