"""The agents: propose a candidate, observe its reward. ``create_agent`` is the only entry point.

Above ``space``, below ``search``: pure and seeded, without I/O. PyTorch and Optuna are imported only when an agent that
needs them is created; ``check_agent`` needs neither.
"""

from evonas.agents.catalogue import check_agent, may_have_population, not_installed, parse_agent, uses_experience
from evonas.agents.experience import NO_EXPERIENCE, EarlierTask, Experience
from evonas.agents.factory import create_agent
from evonas.agents.folding import Observed
from evonas.agents.interface import (
    MARGINAL_SAMPLES,
    Agent,
    Alternative,
    Explaining,
    HasPolicy,
    HasPopulation,
    InvalidRecord,
    LearnsFromRungs,
    Marginal,
    Origin,
    Proposal,
    Recommendation,
    Recommending,
    Record,
    Reward,
    Rung,
    SpaceExhausted,
)
from evonas.agents.records import check_record, without_rungs
from evonas.agents.replication import Replications
from evonas.agents.settings import AgentSettings, EvolutionSettings, PolicySettings
from evonas.agents.versions import agent_versions

__all__ = [
    "MARGINAL_SAMPLES",
    "NO_EXPERIENCE",
    "Agent",
    "AgentSettings",
    "Alternative",
    "EarlierTask",
    "EvolutionSettings",
    "Experience",
    "Explaining",
    "HasPolicy",
    "HasPopulation",
    "InvalidRecord",
    "LearnsFromRungs",
    "Marginal",
    "Observed",
    "Origin",
    "PolicySettings",
    "Proposal",
    "Recommendation",
    "Recommending",
    "Record",
    "Replications",
    "Reward",
    "Rung",
    "SpaceExhausted",
    "agent_versions",
    "check_agent",
    "check_record",
    "create_agent",
    "may_have_population",
    "not_installed",
    "parse_agent",
    "uses_experience",
    "without_rungs",
]
