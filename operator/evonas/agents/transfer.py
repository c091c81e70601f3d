"""Candidates that descend from the best ones of earlier searches.

Beside ``evolution``, whose parents are this search's own results. A decision that an earlier search did not have is
drawn uniformly, as any decision that a parent does not have.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from evonas.agents.evolution import choose_positions
from evonas.agents.experience import Experience
from evonas.agents.policy import UniformPolicy
from evonas.agents.randomness import Purpose, uniforms
from evonas.agents.sources import DRAFTS, EARLIER, Drafts, sample
from evonas.space import INACTIVE, Choices, SearchSpace

ELITES = 30
"""How many of the best candidates of each earlier search have descendants here, or are imitated by the policy; none is
worse than the average."""
CHANGES = 1
"""How many decisions of a long elite are re-drawn on average."""


def find_elites(space: SearchSpace, experience: Experience) -> NDArray[np.int64]:
    """Return the best candidates of each task, each once: [elites, decisions], INACTIVE for decisions it lacks."""
    positions = {decision.name: position for position, decision in enumerate(space.decisions)}
    found: dict[Choices, None] = {}
    for task in experience.tasks:
        average = math.fsum(task.scores) / len(task.scores)
        better = [each for each in zip(task.scores, task.candidates, strict=True) if each[0] >= average]
        for _, candidate in sorted(better, key=lambda each: each[0], reverse=True)[:ELITES]:
            choices = [INACTIVE] * len(space)
            for name, choice in zip(task.decisions, candidate, strict=True):
                choices[positions[name]] = choice
            if any(choice != INACTIVE for choice in choices):
                found[tuple(choices)] = None
    return np.array([*found], dtype=np.int64).reshape(-1, len(space))


class EliteDescendants:
    """A ``Breeding`` whose parents are the elites of earlier searches: every other draft repeats one, the others are
    mutated.
    """

    def __init__(self, space: SearchSpace, seed: int, experience: Experience) -> None:
        self._space = space
        self._seed = seed
        self._elites = find_elites(space, experience)

    @property
    def has_parents(self) -> bool:
        """As ``Breeding.has_parents``."""
        return len(self._elites) > 0

    def draw(self, index: int) -> Drafts:
        """Draw DRAFTS descendants for proposal ``index``."""
        decisions = len(self._space)
        numbers = uniforms(self._seed, Purpose.ELITES, index, (DRAFTS, 1 + 2 * decisions))
        parents = self._elites[(numbers[:, 0] * len(self._elites)).astype(int)]
        redrawn = choose_positions(parents, None, numbers[:, 1 : 1 + decisions], CHANGES)
        redrawn[::2] = False
        drawing = sample(self._space, UniformPolicy(self._space), parents, redrawn, numbers[:, 1 + decisions :])
        return Drafts(drawing, np.full(DRAFTS, EARLIER), "mutation")
