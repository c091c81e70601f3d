"""The order in which a recorded history is folded: one observation after another, at rungs and at the end. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from evonas.agents.interface import Agent, LearnsFromRungs, Record, Rung


class LearningAgent(Agent, LearnsFromRungs, Protocol):
    """An agent that is told of rungs."""


@dataclass(frozen=True)
class Observed:
    """One observation of a recorded trial."""

    record: Record
    rung: Rung | None
    """None for its outcome."""
    sequence: int

    def tell(self, agent: LearningAgent) -> None:
        """Tell an agent that has the proposal pending; a trial that was stopped at this rung has then ended, and one
        that pauses is put aside.
        """
        if self.rung is None:
            agent.observe(self.record.index, self.record.reward)
            return
        agent.observe_rung(self.record.index, self.rung.step, self.rung.value)
        if self.record.stopped and self.sequence == self.record.sequence:
            agent.stop(self.record.index)
        elif self.record.pauses:
            agent.pause(self.record.index)


def in_order(records: Iterable[Record]) -> list[Observed]:
    """Return all observations by (sequence, index)."""
    observed: list[Observed] = []
    for record in records:
        observed += [Observed(record, rung, rung.sequence) for rung in record.rungs]
        if record.sequence is not None and not record.stopped:
            observed.append(Observed(record, None, record.sequence))
    return sorted(observed, key=lambda each: (each.sequence, each.record.index))
