"""Builds the policy that learns and its trainer; the only way from ``factory`` to PyTorch."""

from __future__ import annotations

from evonas.agents.experience import Experience
from evonas.agents.neural import pqt, reinforce
from evonas.agents.neural.network import PolicyNetwork
from evonas.agents.neural.training import Descent
from evonas.agents.policy import Learner
from evonas.agents.settings import AgentSettings
from evonas.agents.transfer import find_elites
from evonas.space import SearchSpace

CRITICISED_INTERVAL = 4
"""Results per step of PQT if a critic judges what the network proposes: a quarter of the time, with no worse
results."""
IMITATIONS = 50
"""Steps towards the best candidates of earlier searches, before the first proposal."""


def create_learner(
    space: SearchSpace, seed: int, settings: AgentSettings, experience: Experience, *, alone: bool, criticised: bool
) -> tuple[PolicyNetwork, Learner]:
    """Return a network, new or trained by experience, and the learner that trains it on.

    ``alone``: its candidates are nobody's children.
    """
    policy = settings.policy
    network = PolicyNetwork(space, seed, policy.hidden_units)
    descent = Descent(network, policy.learning_rate)
    if not criticised and len(elites := find_elites(space, experience)):
        # Beside a critic that knows them, too, it makes later proposals worse (docs/learning-from-earlier-searches.md).
        pqt.imitate(descent, elites, IMITATIONS)
    weight = policy.entropy_weight
    if policy.training == "PQT":
        if weight is None:
            weight = pqt.UNAIDED_ENTROPY_WEIGHT if alone else pqt.ENTROPY_WEIGHT
        interval = CRITICISED_INTERVAL if criticised else 1
        return network, pqt.PriorityQueueTraining(descent, settings.warmup, policy.queue_size, weight, interval)
    weight = reinforce.ENTROPY_WEIGHT if weight is None else weight
    return network, reinforce.Reinforce(descent, settings.warmup, policy.baseline_decay, weight)
