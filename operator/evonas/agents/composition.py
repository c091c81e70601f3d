"""The one agent behind all four types: a source of candidates, a memory, and what learns from the results.

``factory`` decides which parts an agent has; this module runs propose, observe, abandon and restore over them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from evonas.agents.evolution import Population
from evonas.agents.history import History, Pending
from evonas.agents.interface import InvalidRecord, Proposal, Record, SpaceExhausted
from evonas.agents.novelty import pick
from evonas.agents.policy import Learner
from evonas.agents.sources import Source
from evonas.space import SearchSpace

MIN_RESULTS = 2
"""Feasible results without which every proposal is random: a tournament needs a choice."""


class ComposedAgent:
    """An agent made of parts; see ``Agent`` for the contract."""

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        start: Source,
        source: Source,
        warmup: int,
        population: Population | None,
        learner: Learner | None,
    ) -> None:
        self._space = space
        self._seed = seed
        self._start = start
        self._source = source
        self._warmup = warmup
        self._population = population
        self._learner = learner
        self._history = History()
        self._observed = 0
        self._results = 0

    def propose(self) -> Proposal:
        """Return a candidate that was never proposed before; SpaceExhausted where there is none."""
        if self._history.candidates >= self._space.size:
            raise SpaceExhausted(f"all {self._space.size} candidates of the search space have been proposed")
        index = self._history.next_index
        warm = index >= self._warmup and self._results >= MIN_RESULTS
        drafts = (self._source if warm else self._start).draw(index)
        picked = pick(self._space, self._seed, index, drafts, self._history.__contains__)
        from_policy = picked.draft is not None and drafts.origin != "random"
        drawn = tuple(drafts.drawn[picked.draft].tolist()) if from_policy else (False,) * len(self._space)
        self._history.add(Pending(index, picked.choices, drawn))
        return Proposal(
            index=index,
            decisions=self._space.to_candidate(picked.choices),
            origin=drafts.origin if from_policy else "random",
            parent=drafts.parents[picked.draft] if picked.draft is not None else None,
            mutated=tuple(self._space.decisions[position].name for position, is_drawn in enumerate(drawn) if is_drawn),
            observed_up_to=self._observed,
            redrawn=picked.redrawn,
        )

    def observe(self, index: int, reward: float | None) -> None:
        """Learn a pending proposal's reward, None for infeasible; ValueError for a wrong index or reward."""
        if reward is not None and not math.isfinite(reward):
            raise ValueError(f"the reward of proposal {index} must be a finite number, got {reward}")
        self._learn(self._history.settle(index), reward)

    def abandon(self, index: int) -> None:
        """Forget a pending proposal that will never be observed; ValueError where the index is not pending."""
        self._history.settle(index)

    def restore(self, records: Iterable[Record]) -> None:
        """Fold a recorded history; InvalidRecord for one that cannot be, ValueError where this agent is not new."""
        if self._history.next_index:
            raise ValueError("only a new agent can be restored: this one has already proposed")
        observed: list[tuple[int, int, float | None]] = []
        for record in records:
            self._enter(record)
            if record.sequence is not None:
                observed.append((record.sequence, record.index, record.reward))
        for _, index, reward in sorted(observed, key=lambda item: item[:2]):
            self.observe(index, reward)

    @property
    def entropy(self) -> float | None:
        """Mean relative entropy of the policy's decisions, 0 to 1; None for agents that do not learn."""
        return self._learner.entropy if self._learner else None

    def _enter(self, record: Record) -> None:
        try:
            choices = self._space.to_choices(record.decisions)
            _check_outcome(record)
            drawn = tuple(decision.name in record.mutated for decision in self._space.decisions)
            self._history.add(Pending(record.index, choices, drawn))
        except ValueError as error:
            raise InvalidRecord(f"trial {record.index} cannot be of this search: {error}") from None
        if record.abandoned:
            self._history.settle(record.index)

    def _learn(self, proposal: Pending, reward: float | None) -> None:
        observation = proposal.observed(reward)
        self._observed += 1
        self._results += reward is not None
        if self._population is not None:
            self._population.observe(observation)
        if self._learner is not None:
            self._learner.observe(observation)


def _check_outcome(record: Record) -> None:
    if record.index < 0:
        raise ValueError("its index is negative")
    if record.sequence is None and record.reward is not None:
        raise ValueError("it has a reward but no place among the observations")
    if record.sequence is not None and record.abandoned:
        raise ValueError("it is both observed and abandoned")
    if record.reward is not None and not math.isfinite(record.reward):
        raise ValueError(f"its reward must be a finite number, got {record.reward}")
