"""Agents, spaces and rewards that the tests of the agents share; what the contract needs ships in its module."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from evonas.agents import Agent, Proposal
from evonas.agents.curves import Curve
from evonas.agents.policy import Observation
from evonas.agents.testing import CONDITIONAL, History, spaces
from evonas.space import Choices, SearchSpace

__all__ = [
    "AGENT_TYPES",
    "CONDITIONAL",
    "VARIANTS",
    "History",
    "counting",
    "counting_space",
    "observation",
    "play",
    "spaces",
]

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


def counting_space(n: int) -> SearchSpace:
    return SearchSpace.parse([{"name": f"a{k}", "values": list(range(1, n + 1))} for k in range(1, n + 1)])


def counting(decisions: dict[str, Any]) -> float:
    """Return the reward of "learning to count": 1 for 1, 2, … n and less for everything else."""
    n = len(decisions)
    walk = [0, *decisions.values(), n + 1]
    cost: int = sum((later - earlier) ** 2 for earlier, later in pairwise(walk))
    return (n + 1) / cost


def observation(
    index: int,
    choices: Choices,
    drawn: tuple[bool, ...],
    reward: float | None,
    curve: Curve = (),
    stopped: bool = False,
    again: bool = False,
    **more: Any,
) -> Observation:
    """Return an observation of one objective."""
    values = None if reward is None else (reward,)
    return Observation(index, choices, drawn, values, (curve,) if curve else (), stopped, again, **more)


def play(agent: Agent, trials: int) -> list[Proposal]:
    """Run the counting problem, one trial at a time."""
    proposals = []
    for _ in range(trials):
        proposal = agent.propose()
        agent.observe(proposal.index, counting(proposal.decisions))
        proposals.append(proposal)
    return proposals
