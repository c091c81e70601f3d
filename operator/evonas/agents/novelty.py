"""No candidate is proposed twice: an evaluation costs GPU hours, a draw costs microseconds.

Tried in turn: the drafts of the agent's source; a random walk away from the last of them; a scan of the whole space
from a random position. The scan always terminates, so a proposal fails only when the space is exhausted, and it meets
at most as many known candidates as there are proposals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from evonas.agents.policy import UniformPolicy
from evonas.agents.randomness import Purpose, uniforms, words
from evonas.agents.sources import Drafts, sample
from evonas.space import INACTIVE, Choices, SearchSpace

WALK_STEPS = 50
"""How many single decisions are re-drawn before the scan."""


@dataclass(frozen=True)
class Pick:
    """The candidate to propose."""

    choices: Choices
    draft: int | None
    """Which draft it is; None if the walk or the scan found it."""
    redrawn: int
    """How many known candidates were discarded before it."""


def pick(space: SearchSpace, seed: int, index: int, drafts: Drafts, known: Callable[[Choices], bool]) -> Pick:
    """Return the first candidate that is not ``known``; there must be one in the space."""
    rows: list[Choices] = [tuple(row) for row in drafts.drawing.choices.tolist()]
    for draft, choices in enumerate(rows):
        if not known(choices):
            return Pick(choices, draft, draft)
    redrawn = len(rows)
    for choices in walk(space, seed, index, rows[-1]):
        if not known(choices):
            return Pick(choices, None, redrawn)
        redrawn += 1
    return Pick(next(choices for choices in scan(space, seed, index) if not known(choices)), None, redrawn)


def walk(space: SearchSpace, seed: int, index: int, choices: Choices) -> Iterator[Choices]:
    """Yield WALK_STEPS candidates, each the previous one with one active decision re-drawn uniformly."""
    policy = UniformPolicy(space)
    row = np.array([choices])
    for numbers in uniforms(seed, Purpose.WALK, index, (WALK_STEPS, 1 + len(space))):
        active = np.flatnonzero(row[0] != INACTIVE)
        redrawn = np.zeros(row.shape, bool)
        redrawn[0, active[int(numbers[0] * len(active))]] = True
        row = sample(space, policy, row, redrawn, numbers[np.newaxis, 1:]).choices
        yield tuple(row[0].tolist())


def scan(space: SearchSpace, seed: int, index: int) -> Iterator[Choices]:
    """Yield every candidate of the space once, starting at a random position."""
    # 64 bits more than the size needs: the remainder is uniform for every practical purpose.
    count = space.size.bit_length() // 64 + 2
    start = int.from_bytes(words(seed, Purpose.SCAN, index, count).astype("<u8").tobytes(), "little") % space.size
    for step in range(space.size):
        yield space.unrank((start + step) % space.size)
