"""What a policy would choose: the probabilities of each decision's values, over all that it may have decided before.
Beside ``sources``, which draws the candidates. They are drawn with separate random numbers, always the same ones:
asking changes no proposal, and two policies differ by what they learned, not by chance.
"""

from __future__ import annotations

import numpy as np

from evonas.agents.interface import MARGINAL_SAMPLES, Marginal
from evonas.agents.policy import Policy
from evonas.agents.randomness import Purpose, uniforms
from evonas.agents.sources import active_rows, invert
from evonas.space import INACTIVE, SearchSpace


def find_marginals(space: SearchSpace, policy: Policy, seed: int) -> dict[str, Marginal]:
    """Return what the policy would choose, by decision."""
    choices = np.full((MARGINAL_SAMPLES, len(space)), INACTIVE)
    numbers = uniforms(seed, Purpose.MARGINALS, 0, choices.shape)
    found: dict[str, Marginal] = {}
    rollout = policy.rollout(MARGINAL_SAMPLES)
    for position, decision in enumerate(space.decisions):
        active = active_rows(space, position, choices)
        values: tuple[float, ...] | None = None
        if active.any():
            logits = rollout.logits(position)[active]
            weights = np.exp(logits - logits.max(axis=1, keepdims=True))
            values = tuple((weights / weights.sum(axis=1, keepdims=True)).mean(axis=0).tolist())
            choices[active, position], *_ = invert(logits, numbers[active, position])
        rollout.append(position, choices[:, position], active)
        found[decision.name] = Marginal(float(active.mean()), values)
    return found
