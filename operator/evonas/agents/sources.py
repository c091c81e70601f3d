"""Where candidates come from: the sampler that all agents share, and whole samples drawn with it.

A child of a parent is the same thing with some values copied (``evolution``). ``novelty`` checks whether a draft was
proposed before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evonas.agents.interface import Origin
from evonas.agents.policy import Alternating, Policy, UniformPolicy
from evonas.agents.randomness import Purpose, uniforms
from evonas.space import INACTIVE, Choices, SearchSpace

DRAFTS = 32
"""How many candidates are drawn for one proposal, in one batch: a proposal costs the same whether a policy is new and
every draft is unknown, or has narrowed and most were proposed before."""


NOBODY = -1
"""Stands for the parent of a candidate that has none."""
EARLIER = -2
"""Stands for a parent of an earlier search."""


@dataclass(frozen=True)
class Drawing:
    """Unfinished candidates, one per row, and how they were made."""

    choices: NDArray[np.int64]
    """[rows, decisions], INACTIVE where a decision does not exist."""
    drawn: NDArray[np.bool_]
    """[rows, decisions]: drawn from a policy, not copied."""
    gains: NDArray[np.float64]
    """[rows, decisions]: log of a drawn value's probability under the policy relative to a uniform one, 0 elsewhere."""

    def __len__(self) -> int:
        return len(self.choices)

    def take(self, rows: NDArray[np.int64]) -> Drawing:
        """Return some of the rows."""
        return Drawing(self.choices.take(rows, axis=0), self.drawn.take(rows, axis=0), self.gains.take(rows, axis=0))

    def candidate(self, row: int) -> Choices:
        """Return one of the rows."""
        return tuple(self.choices[row].tolist())

    @classmethod
    def joined(cls, drawings: Sequence[Drawing]) -> Drawing:
        """Return the rows of all."""
        parts = [(each.choices, each.drawn, each.gains) for each in drawings]
        return cls(*map(np.concatenate, zip(*parts, strict=True)))


@dataclass(frozen=True)
class Drafts:
    """Candidates for one proposal, in order of preference."""

    drawing: Drawing
    parents: NDArray[np.int64]
    """[drafts]: the proposal index of each draft's parent; NOBODY for whole samples, EARLIER for those whose parent is
    a candidate of an earlier search."""
    origin: Origin
    competitors: int = 1
    """How many candidates were compared to find these; 1 if nothing compares them."""
    values: NDArray[np.float64] | None = None
    """[drafts]: what the critic expects of each, in normal scores of the rewards; None without a critic."""
    by_objective: NDArray[np.float64] | None = None
    """[drafts, objectives]: what critics expect of each in each objective, in standard deviations from an average
    result; None with a single one."""
    owed: Callable[[], NDArray[np.float64] | None] = lambda: None
    """Returns how much of that is due to each earlier search, [drafts, tasks]; None without knowledge of any. Only who
    explains a proposal asks, and before the critic is asked again."""


class Source(Protocol):
    """Draws candidates for a proposal."""

    def draw(self, index: int) -> Drafts:
        """Draw DRAFTS candidates for proposal ``index``."""


class WholeSamples:
    """Every decision drawn from the policy: random search with a uniform policy, the Neural agent with a network."""

    def __init__(self, space: SearchSpace, policy: Policy, seed: int, origin: Origin) -> None:
        self._space = space
        self._policy = policy
        self._seed = seed
        self._origin = origin

    def draw(self, index: int) -> Drafts:
        """Draw DRAFTS candidates for proposal ``index``."""
        nobody = np.full((DRAFTS, len(self._space)), INACTIVE)
        numbers = uniforms(self._seed, Purpose.VALUES, index, nobody.shape)
        drawing = sample(self._space, self._policy, nobody, np.zeros(nobody.shape, bool), numbers)
        return Drafts(drawing, np.full(DRAFTS, NOBODY), self._origin)


def sample(
    space: SearchSpace,
    policy: Policy | Alternating,
    parents: NDArray[np.int64],
    redrawn: NDArray[np.bool_],
    numbers: NDArray[np.float64],
) -> Drawing:
    """Make children, left to right: copy the parent's value, or draw from the policy given the child's prefix. The
    ``redrawn`` decisions and those that the parent does not have are drawn; a decision that does not exist in the child
    is neither. All arrays are [rows, decisions]; ``numbers`` are uniform in [0, 1).
    """
    if isinstance(policy, UniformPolicy):
        return _sample_uniformly(space, parents, redrawn, numbers)
    if isinstance(policy, Alternating):
        trusting = sample(space, policy.policy, parents[::2], redrawn[::2], numbers[::2])
        uniform = _sample_uniformly(space, parents[1::2], redrawn[1::2], numbers[1::2])
        order = np.argsort(np.r_[0 : len(parents) : 2, 1 : len(parents) : 2])
        return Drawing.joined([trusting, uniform]).take(order)
    children = parents.copy()
    drawn = redrawn | (parents == INACTIVE)
    weights, totals = np.ones(parents.shape), np.ones(parents.shape)
    last = np.flatnonzero(drawn.any(axis=0)).max(initial=-1)
    rollout = policy.rollout(len(parents))
    everyone = np.ones(len(parents), bool)
    for position, decision in enumerate(space.decisions):
        active, draw, values = everyone, drawn[:, position], children[:, position]
        if decision.when is not None:
            active = active_rows(space, position, children)
            draw &= active
            values[~active] = INACTIVE
        if draw.any():
            # For all rows, also those that copy: to pick the others out would take longer.
            chosen, weights[:, position], totals[:, position] = invert(rollout.logits(position), numbers[:, position])
            np.copyto(values, chosen, where=draw)
        if position < last:
            rollout.append(position, values, active)
    ratios = np.maximum(weights, 1e-300) / totals * space.cardinalities
    return Drawing(children, drawn, np.log(ratios, out=np.zeros(parents.shape), where=drawn))


def _sample_uniformly(
    space: SearchSpace, parents: NDArray[np.int64], redrawn: NDArray[np.bool_], numbers: NDArray[np.float64]
) -> Drawing:
    """Do what ``sample`` does for a policy with equal logits, bit for bit, in a few steps for all decisions at once."""
    drawn = redrawn | (parents == INACTIVE)
    children = np.where(drawn, (numbers * space.cardinalities).astype(np.int64), parents)
    for position in space.conditional_positions:
        absent = ~active_rows(space, position, children)
        children[absent, position] = INACTIVE
        drawn[absent, position] = False
    return Drawing(children, drawn, np.zeros(parents.shape))


def active_rows(space: SearchSpace, position: int, choices: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return for each row of ``choices`` whether the decision at ``position`` exists; only earlier columns are read."""
    when = space.decisions[position].when
    if when is None:
        return np.ones(len(choices), bool)
    return np.isin(choices[:, when.position], list(when.choices))


def invert(
    logits: NDArray[np.float64], numbers: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the value that each number in [0, 1) stands for under softmax(logits): the inverse of its CDF. Also
    returns its weight and the sum of all weights, whose ratio is its probability. ``logits`` is [rows, values], all
    else [rows].
    """
    rows, values = logits.shape
    weights = np.exp(logits - np.maximum.reduce(logits, axis=1, keepdims=True))
    cumulative = np.add.accumulate(weights, axis=1)
    totals = cumulative[:, -1]
    below = cumulative <= (numbers * totals)[:, np.newaxis]
    # A number next to 1 can round up to the whole sum.
    choices: NDArray[np.int64] = np.minimum(np.add.reduce(below, axis=1, dtype=np.int64), values - 1)
    return choices, weights.ravel()[choices + np.arange(0, rows * values, values)], totals
