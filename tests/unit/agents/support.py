"""Spaces, rewards and histories that the tests of the agents share."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from evonas.agents import Agent, Proposal, Record
from evonas.space import SearchSpace

AGENT_TYPES = ("Random", "Evolution", "Neural", "EvoNAS")

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("Random", {}),
    ("Evolution", {}),
    ("Neural", {}),
    ("Neural", {"policy": {"training": "REINFORCE"}}),
    ("EvoNAS", {}),
    ("EvoNAS", {"policy": {"training": "REINFORCE"}}),
    ("EvoNAS", {"critic": {"model": "None"}}),
    ("EvoNAS", {"policy": {"training": "None"}}),
]
"""Every type of agent, those that learn with every way of training, the hybrid without each of its parts."""

CONDITIONAL = SearchSpace.parse(
    [
        {"name": "blocks", "values": [2, 3, 4]},
        {"name": "activation", "values": ["relu", "swish"]},
        {"name": "kernel_4", "values": [3, 5, 7], "when": {"name": "blocks", "values": [4]}},
        {"name": "wide_4", "values": [True, False], "when": {"name": "kernel_4", "values": [5, 7]}},
        {"name": "pool", "values": ["max"]},
        {"name": "slope", "values": [0.1, 0.2], "when": {"name": "activation", "values": ["swish"]}},
    ]
)
"""21 candidates, with a chain of conditions and a decision of one value."""


def counting_space(n: int) -> SearchSpace:
    return SearchSpace.parse([{"name": f"a{k}", "values": list(range(1, n + 1))} for k in range(1, n + 1)])


def counting(decisions: dict[str, Any]) -> float:
    """Return the reward of "learning to count": 1 for 1, 2, … n and less for everything else."""
    n = len(decisions)
    walk = [0, *decisions.values(), n + 1]
    cost: int = sum((later - earlier) ** 2 for earlier, later in pairwise(walk))
    return (n + 1) / cost


@st.composite
def spaces(draw: st.DrawFn, max_size: int = 10**6) -> SearchSpace:
    """Spaces of up to five decisions, one-value and conditional ones among them."""
    manifest: list[dict[str, Any]] = []
    for position in range(draw(st.integers(1, 5))):
        values: list[Any] = list(range(draw(st.integers(1, 4))))
        item: dict[str, Any] = {"name": f"d{position}", "values": values}
        if position and draw(st.booleans()):
            earlier = manifest[draw(st.integers(0, position - 1))]
            some = draw(st.lists(st.sampled_from(earlier["values"]), min_size=1, unique=True))
            item["when"] = {"name": earlier["name"], "values": some}
        manifest.append(item)
        if SearchSpace.parse(manifest).size > max_size:
            manifest.pop()
            break
    return SearchSpace.parse(manifest)


@dataclass
class History:
    """A search in progress, and the records that a cluster would hold of it."""

    agent: Agent
    proposals: dict[int, Proposal] = field(default_factory=dict)
    pending: list[int] = field(default_factory=list)
    outcomes: dict[int, tuple[int, float | None]] = field(default_factory=dict)
    abandoned: set[int] = field(default_factory=set)

    def propose(self) -> Proposal:
        proposal = self.agent.propose()
        self.proposals[proposal.index] = proposal
        self.pending.append(proposal.index)
        return proposal

    def observe(self, index: int, reward: float | None) -> None:
        self.pending.remove(index)
        self.agent.observe(index, reward)
        self.outcomes[index] = (len(self.outcomes) + 1, reward)

    def abandon(self, index: int) -> None:
        self.pending.remove(index)
        self.agent.abandon(index)
        self.abandoned.add(index)

    def step(self, dice: random.Random, parallel: int) -> None:
        """Do one thing that may happen to a search: propose, observe (sometimes infeasible) or abandon."""
        if not self.pending or (len(self.pending) < parallel and dice.random() < 0.5):
            self.propose()
            return
        index = dice.choice(self.pending)
        kind = dice.random()
        if kind < 0.1:
            self.abandon(index)
        else:
            self.observe(index, None if kind < 0.25 else dice.uniform(-1, 1))

    def records(self) -> list[Record]:
        return [self._record(proposal) for proposal in self.proposals.values()]

    def _record(self, proposal: Proposal) -> Record:
        sequence, reward = self.outcomes.get(proposal.index, (None, None))
        return Record(
            index=proposal.index,
            decisions=dict(proposal.decisions),
            mutated=proposal.mutated,
            observed_up_to=proposal.observed_up_to,
            sequence=sequence,
            reward=reward,
            abandoned=proposal.index in self.abandoned,
        )


def play(agent: Agent, trials: int) -> list[Proposal]:
    """Run the counting problem, one trial at a time."""
    proposals = []
    for _ in range(trials):
        proposal = agent.propose()
        agent.observe(proposal.index, counting(proposal.decisions))
        proposals.append(proposal)
    return proposals
