"""A search in progress, with whatever may happen in one, and its record."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from evonas.agents.interface import Agent, LearnsFromRungs, Proposal, Record, Reward, Rung
from evonas.agents.records import without_rungs

RUNGS = (1, 3, 9)
"""Steps at which trials are compared, before the end of their training."""


@dataclass
class History:
    """A search in progress, and the records that a cluster would hold for it."""

    agent: Agent
    rungs: Sequence[int] = ()
    """Where ``step`` may let a pending trial be observed, and stopped, before its end."""
    pauses: bool = False
    """Whether trials are put aside at each rung, and none is stopped."""
    proposals: dict[int, Proposal] = field(default_factory=dict)
    pending: list[int] = field(default_factory=list)
    outcomes: dict[int, tuple[int, Reward | None]] = field(default_factory=dict)
    """By index: the place among the observations, from 1, and the reward."""
    reached: dict[int, tuple[Rung, ...]] = field(default_factory=dict)
    """By index: results at rungs."""
    stopped: set[int] = field(default_factory=set)
    aside: set[int] = field(default_factory=set)
    """Pending ones that were put aside."""
    abandoned: set[int] = field(default_factory=set)
    foreign: dict[int, Record] = field(default_factory=dict)
    """By index: candidates that the agent did not propose."""
    places: int = 0
    """How many observations there were, at rungs and at the end."""
    seen: dict[int, int] = field(default_factory=dict)
    """By index: how many there were before a proposal."""
    objectives: int = 1
    """How many the agent has."""

    @classmethod
    def beginning_with(cls, agent: Agent, foreign: Iterable[Record], objectives: int = 1) -> History:
        """Return the history of an agent that receives foreign candidates before it proposes."""
        records = {record.index: record for record in foreign}
        agent.restore(records.values())
        outcomes = {index: (each.sequence, each.reward) for index, each in records.items() if each.sequence}
        return cls(
            agent,
            pending=[index for index, record in records.items() if record.sequence is None and not record.abandoned],
            outcomes=outcomes,
            abandoned={index for index, record in records.items() if record.abandoned},
            foreign=records,
            places=len(outcomes),
            objectives=objectives,
        )

    @property
    def observed(self) -> int:
        """How many observations the agent was told of."""
        return self.places if isinstance(self.agent, LearnsFromRungs) else len(self.outcomes)

    def propose(self) -> Proposal:
        """Ask the agent for a candidate, which is then pending."""
        proposal = self.agent.propose()
        self.seen[proposal.index] = self.places
        self.proposals[proposal.index] = proposal
        self.pending.append(proposal.index)
        return proposal

    def observe(self, index: int, reward: Reward | None) -> None:
        """Tell the agent a reward, None for infeasible."""
        self.pending.remove(index)
        self.agent.observe(index, reward)
        self.places += 1
        self.outcomes[index] = (self.places, reward)

    def reach(self, index: int, step: int, value: Reward | None, *, stops: bool = False) -> None:
        """Tell the agent a value at a rung, None for diverged, where the trial may be stopped or is put aside. An agent
        that is not ``LearnsFromRungs`` only learns the last value of a stopped trial, as its reward.
        """
        self.places += 1
        self.reached[index] = (*self.reached.get(index, ()), Rung(step, value, self.places))
        if isinstance(self.agent, LearnsFromRungs):
            self.agent.observe_rung(index, step, value)
        if self.pauses:
            self.aside.add(index)
            if isinstance(self.agent, LearnsFromRungs):
                self.agent.pause(index)
        elif stops:
            self.pending.remove(index)
            self.stopped.add(index)
            self.outcomes[index] = (self.places, None)
            if isinstance(self.agent, LearnsFromRungs):
                self.agent.stop(index)
            else:
                self.agent.observe(index, value)

    def abandon(self, index: int) -> None:
        """Tell the agent that a proposal will never be observed."""
        self.pending.remove(index)
        self.agent.abandon(index)
        self.abandoned.add(index)

    def step(self, dice: random.Random, parallel: int) -> None:
        """Do one thing that may happen in a search: propose, observe (sometimes infeasible) or abandon; with rungs also
        observe at one, and perhaps stop or pause there. Any that was put aside may go on.
        """
        running = len(self.pending) - len(self.aside.intersection(self.pending))
        if not self.pending or (running < parallel and dice.random() < 0.5):
            self.propose()
            return
        index = dice.choice(self.pending)
        kind = dice.random()
        if kind < 0.1:
            self.abandon(index)
            return
        value = None if kind < 0.25 else self._reward(dice)
        ahead = self.rungs[len(self.reached.get(index, ())) :]
        if ahead and dice.random() < 0.8:
            self.reach(index, ahead[0], value, stops=dice.random() < 0.5)
        else:
            self.observe(index, value)

    def _reward(self, dice: random.Random) -> Reward:
        if self.objectives == 1:
            return dice.uniform(-1, 1)
        # Rounded: some results are equal, in one objective or in all.
        return tuple(round(dice.uniform(-1, 1), 1) for _ in range(self.objectives))

    def records(self) -> list[Record]:
        """Return what was recorded, in the order of the proposals, as the agent is restored from it."""
        own = [
            Record(
                each.index,
                dict(each.decisions),
                each.mutated,
                self.seen[each.index],
                sequence=None,
                reward=None,
                repeats=each.parent if each.origin == "repeat" else None,
            )
            for each in self.proposals.values()
        ]
        records = [self._with_outcome(record) for record in (*self.foreign.values(), *own)]
        return records if isinstance(self.agent, LearnsFromRungs) else [*without_rungs(records)]

    def restored(self, agent: Agent, dice: random.Random) -> History:
        """Return the same history with a new agent that is restored from the records, in any order."""
        records = self.records()
        dice.shuffle(records)
        agent.restore(records)
        return replace(
            self,
            agent=agent,
            proposals={**self.proposals},
            pending=[*self.pending],
            outcomes={**self.outcomes},
            reached={**self.reached},
            stopped={*self.stopped},
            aside={*self.aside},
            abandoned={*self.abandoned},
            seen={**self.seen},
        )

    def _with_outcome(self, record: Record) -> Record:
        sequence, reward = self.outcomes.get(record.index, (None, None))
        return replace(
            record,
            sequence=sequence,
            reward=reward,
            abandoned=record.index in self.abandoned,
            rungs=self.reached.get(record.index, ()),
            stopped=record.index in self.stopped,
            pauses=self.pauses,
        )
