"""Builds the policy that learns and its trainer; the only way from ``factory`` to PyTorch, if that is wanted."""

from __future__ import annotations

from evonas.agents.experience import Experience
from evonas.agents.neural import pqt, reinforce
from evonas.agents.neural.hindsight import Hindsight
from evonas.agents.neural.objective import Climber
from evonas.agents.neural.operations import NumpyOperations
from evonas.agents.neural.recurrent import Network
from evonas.agents.policy import Learner
from evonas.agents.rewards import Values
from evonas.agents.settings import AgentSettings, PolicySettings
from evonas.agents.transfer import find_elites
from evonas.space import SearchSpace

CRITICISED_INTERVAL = 4
"""Results per step of PQT if a critic judges what the network proposes: a quarter of the time, with no worse
results."""
IMITATIONS = 50
"""Steps towards the best candidates of earlier searches, before the first proposal."""


def create_learner(
    space: SearchSpace,
    seed: int,
    settings: AgentSettings,
    experience: Experience,
    *,
    alone: bool,
    criticised: bool,
    looks_back: bool,
    references: Values = (),
) -> tuple[Network, Learner]:
    """Return a network, new or trained by experience, and the learner that trains it on.

    ``alone``: its candidates are nobody's children; ``looks_back``: it proposes nothing, and needs no PyTorch.
    """
    policy = settings.policy
    network, climber = (_without_torch if looks_back else _with_torch)(space, seed, policy)
    if not criticised and len(elites := find_elites(space, experience)):
        # Beside a critic that knows them, too, it makes later proposals worse (docs/learning-from-earlier-searches.md).
        pqt.imitate(climber, elites, IMITATIONS)
    weight = policy.entropy_weight
    if policy.training == "PQT":
        if weight is None:
            weight = pqt.UNAIDED_ENTROPY_WEIGHT if alone else pqt.ENTROPY_WEIGHT
        interval = CRITICISED_INTERVAL if criticised else 1
        learner = pqt.PriorityQueueTraining(climber, settings.warmup, policy.queue_size, weight, interval, references)
        return network, learner
    weight = reinforce.ENTROPY_WEIGHT if weight is None else weight
    return network, reinforce.Reinforce(climber, settings.warmup, policy.baseline_decay, weight)


def _with_torch(space: SearchSpace, seed: int, settings: PolicySettings) -> tuple[Network, Climber]:
    # PyTorch costs seconds and hundreds of megabytes: only searches that learn should pay for it.
    from evonas.agents.neural.network import PolicyNetwork  # noqa: PLC0415
    from evonas.agents.neural.training import Descent  # noqa: PLC0415

    network = PolicyNetwork(space, seed, settings.hidden_units)
    return network, Descent(network, settings.learning_rate)


def _without_torch(space: SearchSpace, seed: int, settings: PolicySettings) -> tuple[Network, Climber]:
    network = Network(space, seed, settings.hidden_units, NumpyOperations())
    return network, Hindsight(network, settings.learning_rate)
