"""The agent behind our own four types: a source of candidates, a memory, and what learns from the results.

``factory`` decides which parts an agent has; this module runs propose, observe, abandon and restore over them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import numpy as np

from evonas.agents.evolution import Population
from evonas.agents.folding import in_order
from evonas.agents.history import History, Pending
from evonas.agents.interface import (
    Alternative,
    InvalidRecord,
    Marginal,
    Origin,
    Proposal,
    Recommendation,
    Record,
    Reward,
    SpaceExhausted,
)
from evonas.agents.marginals import find_marginals
from evonas.agents.novelty import Pick, pick
from evonas.agents.policy import Learner, Observation, Observer, Policy
from evonas.agents.records import check_record, check_repeats, curve_of
from evonas.agents.repeats import Repeats
from evonas.agents.rewards import values_of
from evonas.agents.sources import EARLIER, Drafts, Source
from evonas.space import Choices, SearchSpace

MIN_RESULTS = 2
"""Feasible results below which every proposal is random: a tournament needs a choice."""


class ComposedAgent:
    """An agent composed of parts; see ``Agent`` for the contract."""

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        start: Source,
        source: Source,
        warmup: int,
        history: History,
        population: Population | None,
        observers: Sequence[Observer],
        policy: Policy,
        learner: Learner | None,
        repeats: Repeats | None,
        objectives: int = 1,
    ) -> None:
        self._objectives = objectives
        self._space = space
        self._seed = seed
        self._start = start
        self._source = source
        self._warmup = warmup
        self._history = history
        self._population = population
        self._observers = observers if population is None else [population, *observers]
        self._policy = policy
        self._learner = learner
        self._repeats = repeats
        self._observed = 0
        self._results = 0

    def propose(self) -> Proposal:
        """As ``Agent.propose``."""
        if self._history.candidates >= self._space.size:
            raise SpaceExhausted(f"all {self._space.size} candidates of the search space have been proposed")
        index = self._history.next_index
        if repeated := self._repeats and self._repeats.choose(index, self._history.under_way):
            return self._repeat(index, *repeated)
        drafts = self._draw(index)
        picked = pick(self._space, self._seed, index, drafts, self._history.__contains__)
        proposal = self._explained(index, drafts, picked)
        self._history.add(Pending(index, picked.choices, self._drawn(proposal.mutated)))
        return proposal

    def observe(self, index: int, reward: Reward | None) -> None:
        """Learn a pending proposal's reward, None if infeasible; ValueError for a wrong index or reward."""
        values = self._history.read(index, reward)
        self._learn(self._history.settle(index).observed(values))
        self._observed += 1

    def observe_rung(self, index: int, step: int, value: Reward | None) -> None:
        """As ``LearnsFromRungs.observe_rung``."""
        self._history.reach(index, step, value)
        self._observed += 1

    def stop(self, index: int) -> None:
        """As ``LearnsFromRungs.stop``."""
        self._learn(self._history.stop(index))

    def pause(self, index: int) -> None:
        """As ``LearnsFromRungs.pause``."""
        self._learn(self._history.pause(index))

    def abandon(self, index: int) -> None:
        """Forget a pending proposal that will never be observed; ValueError if the index is not pending."""
        self._history.settle(index)

    def restore(self, records: Iterable[Record]) -> None:
        """Fold a recorded history; InvalidRecord if it is impossible, ValueError if this agent is not new."""
        if self._history.next_index:
            raise ValueError("only a new agent can be restored: this one has already proposed")
        records = [*records]
        for record in records:
            self._enter(record)
        check_repeats(records)
        for each in in_order(records):
            each.tell(self)
        for record in records:
            if record.abandoned:
                self.abandon(record.index)

    def pin(self, results: Iterable[Record]) -> None:
        """As ``HasPopulation.pin``."""
        pinned = [self._result(record) for record in results]
        if self._population is not None:
            self._population.pin(pinned)

    def alternatives(self) -> list[Alternative]:
        """Return the candidates for the next proposal, preferred ones first, without changing that proposal."""
        drafts = self._draw(self._history.next_index)
        drawing, owed = drafts.drawing, drafts.owed()
        return [
            Alternative(
                decisions=self._space.to_candidate(choices),
                parent=None if drafts.parents[row] < 0 else int(drafts.parents[row]),
                policy_ratios={
                    self._space.decisions[position].name: float(np.exp(drawing.gains[row, position]))
                    for position in np.flatnonzero(drawing.drawn[row])
                },
                value=None if drafts.values is None else float(drafts.values[row]),
                values=None if drafts.by_objective is None else tuple(drafts.by_objective[row].tolist()),
                owed=None if owed is None else tuple(owed[row].tolist()),
                is_known=tuple(choices) in self._history,
            )
            for row, choices in enumerate(drawing.choices.tolist())
        ]

    def policy_marginals(self) -> dict[str, Marginal] | None:
        """Return what the policy would choose, by decision; None for agents that do not learn. Changes nothing."""
        return find_marginals(self._space, self._policy, self._seed) if self._learner else None

    @property
    def entropy(self) -> float | None:
        """Mean relative entropy of the policy's decisions, 0 to 1; None for agents that do not learn."""
        return self._learner.entropy if self._learner else None

    @property
    def recommendation(self) -> Recommendation | None:
        """As ``Recommending.recommendation``."""
        leader = None if self._repeats is None else self._repeats.leader
        if leader is None:
            return None
        decisions = self._space.to_candidate(leader.candidate)
        return Recommendation(decisions, leader.runs, leader.mean, leader.expected, leader.deviation)

    @property
    def _has_parents(self) -> bool:
        # The last members may have been put aside and turned out to be infeasible.
        return self._population is None or len(self._population) > 0

    def _draw(self, index: int) -> Drafts:
        warm = index >= self._warmup and self._results >= MIN_RESULTS and self._has_parents
        return (self._source if warm else self._start).draw(index)

    def _repeat(self, index: int, first: int, choices: Choices) -> Proposal:
        self._begin(Pending(index, choices, self._drawn(()), repeats=first))
        decisions = self._space.to_candidate(choices)
        pinned = () if self._population is None else self._population.kept
        return Proposal(index, decisions, "repeat", first, (), self._observed, redrawn=0, pinned=pinned)

    def _begin(self, pending: Pending) -> None:
        self._history.add(pending)
        if self._repeats is not None and pending.repeats is not None:
            self._repeats.begin(pending.index)

    def _explained(self, index: int, drafts: Drafts, picked: Pick) -> Proposal:
        decisions = self._space.to_candidate(picked.choices)
        pinned = () if self._population is None else self._population.kept
        if picked.draft is None or drafts.origin == "random":
            return Proposal(index, decisions, "random", None, (), self._observed, picked.redrawn, pinned=pinned)
        drawn, gains = drafts.drawing.drawn[picked.draft], drafts.drawing.gains[picked.draft]
        parent = int(drafts.parents[picked.draft])
        origin: Origin = "transfer" if parent == EARLIER else drafts.origin
        return Proposal(
            index=index,
            decisions=decisions,
            origin=origin,
            parent=None if parent < 0 else parent,
            mutated=tuple(self._space.decisions[position].name for position in np.flatnonzero(drawn)),
            observed_up_to=self._observed,
            redrawn=picked.redrawn,
            competitors=drafts.competitors,
            value=None if drafts.values is None else float(drafts.values[picked.draft]),
            rank=None if drafts.values is None else picked.draft + 1,
            policy_ratio=float(np.exp(gains.sum())),
            pinned=pinned,
        )

    def _drawn(self, mutated: Collection[str]) -> tuple[bool, ...]:
        return tuple(decision.name in mutated for decision in self._space.decisions)

    def _enter(self, record: Record) -> None:
        choices = check_record(self._space, record, self._objectives)
        repeats = None if self._repeats is None else record.repeats
        try:
            self._begin(Pending(record.index, choices, self._drawn(record.mutated), repeats=repeats))
        except ValueError as error:
            raise InvalidRecord(f"trial {record.index} cannot be of this search: {error}") from None

    def _result(self, record: Record) -> Observation:
        if record.reward is None:
            raise ValueError(f"trial {record.index} has no reward: it cannot be in a population")
        choices = check_record(self._space, record, self._objectives)
        curves = tuple(curve_of(record, each) for each in range(self._objectives)) if record.rungs else ()
        values = values_of(record.reward, self._objectives, f"the reward of trial {record.index}")
        return Pending(record.index, choices, self._drawn(record.mutated), curves).observed(values)

    def _learn(self, observation: Observation) -> None:
        if self._repeats is not None:
            mean = self._repeats.observe(observation)
            observation = replace(observation, mean=None if observation.repeats is None else mean)
        self._results += observation.values is not None and not observation.again
        for observer in self._observers:
            observer.observe(observation)
