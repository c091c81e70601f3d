"""An agent's memory of its proposals: which candidates are known, which proposals are pending.

Learning is elsewhere; this module enforces the order of calls and never forgets a candidate.
"""

from __future__ import annotations

from dataclasses import dataclass

from evonas.agents.policy import Observation
from evonas.space import Choices


@dataclass(frozen=True)
class Pending:
    """A proposal whose outcome is open."""

    index: int
    choices: Choices
    drawn: tuple[bool, ...]

    def observed(self, reward: float | None) -> Observation:
        """Return the proposal with its reward."""
        return Observation(self.index, self.choices, self.drawn, reward)


class History:
    """All proposals so far, including abandoned ones."""

    def __init__(self) -> None:
        self._known: set[Choices] = set()
        self._pending: dict[int, Pending] = {}
        self._settled: set[int] = set()
        self._reached: dict[int, float | None] = {}
        """What pending proposals had reached at the last rung that was observed."""
        self.next_index = 0
        """One above the largest index: an index is never used again, even if its record was deleted."""

    def __contains__(self, choices: Choices) -> bool:
        """Return whether the candidate was ever proposed."""
        return choices in self._known

    @property
    def pending(self) -> list[Choices]:
        """The candidates whose outcome is open, sorted by index: records may have been folded in any order."""
        return [self._pending[index].choices for index in sorted(self._pending)]

    @property
    def candidates(self) -> int:
        """How many distinct candidates were proposed."""
        return len(self._known)

    def add(self, proposal: Pending) -> None:
        """Add a new proposal; ValueError if its index is taken."""
        if proposal.index in self._pending or proposal.index in self._settled:
            raise ValueError(f"index {proposal.index} occurs twice")
        self._known.add(proposal.choices)
        self._pending[proposal.index] = proposal
        self.next_index = max(self.next_index, proposal.index + 1)

    def reach(self, index: int, value: float | None) -> None:
        """Note what a pending proposal has reached at a rung; ValueError if it is not pending."""
        self._check_pending(index)
        self._reached[index] = value

    def reached(self, index: int) -> float | None:
        """Return what a pending proposal has reached last; ValueError if that is unknown."""
        self._check_pending(index)
        if index not in self._reached:
            raise ValueError(f"no rung of proposal {index} was observed")
        return self._reached[index]

    def settle(self, index: int) -> Pending:
        """Remove a proposal from the pending ones; ValueError if it is not pending."""
        self._check_pending(index)
        self._settled.add(index)
        self._reached.pop(index, None)
        return self._pending.pop(index)

    def _check_pending(self, index: int) -> None:
        if index in self._settled:
            raise ValueError(f"proposal {index} was already observed or abandoned")
        if index not in self._pending:
            raise ValueError(f"proposal {index} is unknown: this agent never proposed it")
