"""Rewards as agents keep them: one value for each objective, larger is better. Pure."""

from __future__ import annotations

import math

from evonas.agents.interface import Reward

Values = tuple[float, ...]
"""One for each objective."""


def values_of(reward: Reward, objectives: int, what: str) -> Values:
    """Return the reward's values; ValueError that says ``what`` is wrong unless each objective has a finite one. An
    agent with one objective is told a number, one with several a tuple.
    """
    several = objectives > 1
    values = reward if isinstance(reward, tuple) else (reward,)
    if isinstance(reward, tuple) == several and len(values) == objectives and all(map(math.isfinite, values)):
        return values
    wanted = f"{objectives} finite numbers, one for each objective" if several else "a finite number"
    raise ValueError(f"{what} must be {wanted}, got {reward}")
