"""Regularised (aging) evolution: the population, the tournament, and children that a policy's draws mutate.

The loop is that of Real et al. 2018 (arXiv 1802.01548); mutations drawn from a policy come from Evo-NAS (Maziarz et
al., arXiv 1811.09828). With a uniform policy this is the Evolution agent, with a network EvoNAS. With several
objectives, members are compared as in NSGA-II (Deb et al. 2002).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evonas.agents.curves import outlook
from evonas.agents.policy import Alternating, Observation, Policy
from evonas.agents.randomness import Purpose, uniforms
from evonas.agents.rewards import Values
from evonas.agents.settings import EvolutionSettings
from evonas.agents.sources import DRAFTS, Drafts, Source, sample
from evonas.domination import find_crowding, find_ranks
from evonas.space import INACTIVE, SearchSpace

CHANGES = 2
"""How many decisions of a long parent are re-drawn on average, by default."""


class Population:
    """The most recent feasible results: the oldest leaves when a new one enters, however good it is. Those that a user
    has pinned stay, in addition to the capacity.
    """

    def __init__(self, capacity: int, references: Values = ()) -> None:
        """``references`` are the worst values that are worth anything, minus infinity where there is none."""
        self._references = references
        self._recent: deque[Observation] = deque(maxlen=capacity)
        self._pinned: dict[int, Observation] = {}
        self._worth: NDArray[np.float64] | None = None
        """[members]: as long as they stay the same."""

    def __len__(self) -> int:
        return len(self._recent) + len(self.kept)

    def observe(self, observation: Observation) -> None:
        """Add a result; infeasible candidates never become parents. One that went on after it was put aside is the
        newest member, in place of what it was before. A repeat is no other member: it changes what its candidate, if
        that is still there, is taken to be worth.
        """
        self._worth = None
        if observation.repeats is not None:
            if observation.mean is not None:
                self._revise(observation.repeats, observation.mean)
            return
        if observation.again:
            others = [member for member in self._recent if member.index != observation.index]
            self._recent = deque(others, maxlen=self._recent.maxlen)
        if observation.values is not None:
            self._recent.append(observation)

    def _revise(self, index: int, mean: float) -> None:
        members = [replace(each, values=(mean,)) if each.index == index else each for each in self._recent]
        self._recent = deque(members, maxlen=self._recent.maxlen)

    def pin(self, results: Iterable[Observation]) -> None:
        """Pin these feasible results, and unpin all others."""
        self._worth = None
        self._pinned = {result.index: result for result in results}

    @property
    def kept(self) -> tuple[int, ...]:
        """Indexes of the members that stay only because they are pinned, ascending."""
        return tuple(sorted(self._pinned.keys() - {member.index for member in self._recent})) if self._pinned else ()

    def tournaments(self, numbers: NDArray[np.float64], entrants: int) -> list[Observation]:
        """Return the winner of each tournament; ``numbers`` is [tournaments, members], uniform in [0, 1).

        The ``entrants`` members with the smallest numbers compete, which is a draw without replacement; among equal
        members the smallest number wins, which favours neither age.
        """
        members = [*self._recent, *(self._pinned[index] for index in self.kept)]
        if self._worth is None:
            self._worth = _worth(members, self._references)
        order = np.argsort(numbers, axis=1)[:, :entrants]
        winners = order[np.arange(len(order)), self._worth[order].argmax(axis=1)]
        return [members[winner] for winner in winners]


def _worth(members: Sequence[Observation], references: Values) -> NDArray[np.float64]:
    """Return a number for each member that is larger the better it is, and the same for equals: its value or, with
    several objectives, one that orders them by rank, and within a rank by crowding.
    """
    points = expected_values(members)
    if points.shape[1] == 1:
        return points[:, 0]
    if any(member.stopped for member in members):
        # Then they are on a scale of their own.
        references = ()
    ranks = find_ranks(points, references)
    crowding = find_crowding(points, ranks)
    _, places = np.unique(np.column_stack([-ranks, crowding]), axis=0, return_inverse=True)
    return places.ravel().astype(float)


def expected_values(results: Sequence[Observation]) -> NDArray[np.float64]:
    """Return the values of feasible results, [results, objectives]; where one was stopped, what all of them have or
    would have had at the end.
    """
    if not any(result.stopped for result in results):
        return np.array([result.values for result in results])
    objectives = range(len(results[0].values or ()))
    columns = [
        outlook([result.curve(each) for result in results], np.array([result.final(each) for result in results]))
        for each in objectives
    ]
    return np.column_stack([column.expected for column in columns])


class Breeding(Source, Protocol):
    """Draws children of parents."""

    @property
    def has_parents(self) -> bool:
        """Return whether there is anybody to descend from; otherwise nothing can be drawn."""


class Mutation:
    """Children of tournament winners, some of their decisions re-drawn from the policy."""

    def __init__(
        self,
        space: SearchSpace,
        policy: Policy | Alternating,
        seed: int,
        population: Population,
        settings: EvolutionSettings,
    ) -> None:
        """Take what children are made with."""
        self._space = space
        self._policy = policy
        self._seed = seed
        self._population = population
        self._settings = settings

    @property
    def has_parents(self) -> bool:
        """As ``Breeding.has_parents``."""
        return len(self._population) > 0

    def draw(self, index: int) -> Drafts:
        """Draw DRAFTS children for proposal ``index``, each with its own parent; the population is not empty."""
        tickets = uniforms(self._seed, Purpose.TOURNAMENTS, index, (DRAFTS, len(self._population)))
        parents = self._population.tournaments(tickets, self._settings.tournament)
        choices = np.array([parent.choices for parent in parents])
        positions, values = (
            uniforms(self._seed, purpose, index, choices.shape) for purpose in (Purpose.POSITIONS, Purpose.VALUES)
        )
        redrawn = choose_positions(choices, self._settings.mutation_probability, positions)
        drawing = sample(self._space, self._policy, choices, redrawn, values)
        return Drafts(drawing, np.array([parent.index for parent in parents]), "mutation")


class Turns:
    """A ``Breeding`` that breeds in one way for every ``interval``-th proposal, and in another for all others."""

    def __init__(self, regular: Mutation, other: Mutation, interval: int) -> None:
        """Take both ways; their parents are the same."""
        self._regular = regular
        self._other = other
        self._interval = interval

    @property
    def has_parents(self) -> bool:
        """As ``Breeding.has_parents``."""
        return self._regular.has_parents

    def draw(self, index: int) -> Drafts:
        """Draw DRAFTS children for proposal ``index``."""
        return (self._regular if index % self._interval == 0 else self._other).draw(index)


def choose_positions(
    parents: NDArray[np.int64], probability: float | None, numbers: NDArray[np.float64], changes: int = CHANGES
) -> NDArray[np.bool_]:
    """Choose which of each parent's active decisions are re-drawn: each with ``probability``, but at least one.

    None stands for min(0.2, changes / n), n being the parent's number of active decisions: ``changes`` changes on
    average to a long candidate. The limit case 0 re-draws nothing: children repeat their parents. All arrays are
    [parents, decisions].
    """
    active = parents != INACTIVE
    if probability is None:
        chances = np.minimum(0.2, changes / active.sum(axis=1, keepdims=True))
    else:
        chances = np.full((len(parents), 1), probability)
    numbers = np.where(active, numbers, 1.0)
    redrawn: NDArray[np.bool_] = numbers < chances
    # If no number fell below its chance, the smallest one is at a uniformly random active position.
    forced = ~redrawn.any(axis=1) & (chances[:, 0] > 0)
    redrawn[forced, numbers[forced].argmin(axis=1)] = True
    return redrawn
