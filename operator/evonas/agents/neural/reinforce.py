"""REINFORCE with a moving-average baseline, as in Zoph & Le 2016 (arXiv 1611.01578).

Only decisions that the network drew are scored. Each decision of a child is either copied or drawn, and which is known:
given its parent, only the drawn ones come from the policy. Scoring the copied ones too would teach the network to
imitate parents.
"""

from __future__ import annotations

import numpy as np

from evonas.agents.neural.objective import Climber, Objective
from evonas.agents.policy import Observation

ENTROPY_WEIGHT = 0.005
"""Default weight of the summed head entropy: with 0.05, as in Abolafia et al.'s policy-gradient runs, rewards between 0
and 1 teach next to nothing within 1,000 trials."""
LARGEST_ADVANTAGE = 1e50
"""Beyond which the norm of a gradient, by which it is divided, could be infinite."""


class Reinforce:
    """After every observation, once there are ``warmup`` feasible results, one step along reward minus baseline.

    An infeasible candidate counts as if it had scored the worst reward so far (nothing before the first reward), so the
    policy learns to avoid similar ones. What the policy did not draw (warm-up, fallback) moves only the baseline.
    A candidate that goes on after it was put aside is learned from again, by what it has then reached: if only its
    first rung counted, no reward ever would.
    """

    def __init__(self, climber: Climber, warmup: int, baseline_decay: float, entropy_weight: float) -> None:
        self._climber = climber
        self._warmup = warmup
        self._decay = baseline_decay
        self._entropy_weight = entropy_weight
        self._baseline: float | None = None
        self._worst: float | None = None
        self._candidates = 0

    def observe(self, observation: Observation) -> None:
        """Process one observation, and train if there are enough."""
        reward = self._worst if observation.reward is None else observation.reward
        if reward is None:
            return
        self._candidates += observation.reward is not None and not observation.again
        self._worst = reward if self._worst is None else min(self._worst, reward)
        baseline = reward if self._baseline is None else self._baseline
        self._baseline = self._decay * baseline + (1 - self._decay) * reward
        if self._candidates >= self._warmup and any(observation.drawn):
            advantage = max(-LARGEST_ADVANTAGE, min(reward - baseline, LARGEST_ADVANTAGE))
            self._train(observation, advantage)

    @property
    def entropy(self) -> float:
        """As ``Agent.entropy``."""
        return self._climber.entropy

    def _train(self, observation: Observation, advantage: float) -> None:
        drawn = np.array([observation.drawn], dtype=np.float64)
        self._climber.step(np.array([observation.choices]), Objective(advantage * drawn, self._entropy_weight * drawn))
