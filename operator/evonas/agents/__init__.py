"""The agents: propose a candidate, observe its reward. ``create_agent`` is the one door in.

Above ``space``, below ``search``: pure and seeded, without input or output. PyTorch is imported only where an agent
that learns is created.
"""

from evonas.agents.factory import create_agent
from evonas.agents.interface import Agent, InvalidRecord, Origin, Proposal, Record, SpaceExhausted
from evonas.agents.settings import AgentSettings, EvolutionSettings, PolicySettings

__all__ = [
    "Agent",
    "AgentSettings",
    "EvolutionSettings",
    "InvalidRecord",
    "Origin",
    "PolicySettings",
    "Proposal",
    "Record",
    "SpaceExhausted",
    "create_agent",
]
