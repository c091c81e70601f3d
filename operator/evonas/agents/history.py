"""An agent's memory of its proposals: which candidates are known, which proposals are pending.

Learning is elsewhere; this module enforces the order of calls and never forgets a candidate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from evonas.agents.curves import Curve
from evonas.agents.policy import Observation
from evonas.space import Choices


@dataclass(frozen=True)
class Pending:
    """A proposal whose outcome is open."""

    index: int
    choices: Choices
    drawn: tuple[bool, ...]
    curve: Curve = ()
    """What it has reached at rungs."""
    repeats: int | None = None
    """The proposal whose candidate it trains again; None if the candidate is new."""
    learned: int = 0
    """How many rungs it had reached when it was last put aside; 0 if it never was."""

    @property
    def final(self) -> float:
        """As of an observation: NaN while it is open, minus infinity if the candidate has diverged."""
        return -math.inf if self.curve and self.curve[-1][1] == -math.inf else math.nan

    def observed(self, reward: float | None) -> Observation:
        """Return the proposal with its reward."""
        return Observation(
            self.index, self.choices, self.drawn, reward, self.curve, again=self.learned > 0, repeats=self.repeats
        )

    def stopped(self) -> Observation:
        """Return the proposal as it stands at its last rung; ValueError if it has reached none."""
        if not self.curve:
            raise ValueError(f"no rung of proposal {self.index} was observed")
        value = self.curve[-1][1]
        reward = value if math.isfinite(value) else None
        return replace(self.observed(reward), stopped=True)


class History:
    """All proposals so far, including abandoned ones."""

    def __init__(self) -> None:
        self._known: set[Choices] = set()
        self._pending: dict[int, Pending] = {}
        self._under_way: set[int] = set()
        self._settled: set[int] = set()
        self.next_index = 0
        """One above the largest index: an index is never used again, even if its record was deleted."""

    def __contains__(self, choices: Choices) -> bool:
        """Return whether the candidate was ever proposed."""
        return choices in self._known

    @property
    def under_way(self) -> list[Pending]:
        """The pending proposals that were never put aside, sorted by index: records may have been folded in any order.
        Those that were put aside have been learned from, and there may be any number of them.
        """
        return [self._pending[index] for index in sorted(self._under_way)]

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
        self._under_way.add(proposal.index)
        self.next_index = max(self.next_index, proposal.index + 1)

    def reach(self, index: int, step: int, value: float | None) -> None:
        """Note what a pending proposal has reached at a rung, None if it has diverged; ValueError if it is not pending
        or the value is not finite.
        """
        self._check_pending(index)
        if value is not None and not math.isfinite(value):
            raise ValueError(f"the value of proposal {index} at step {step} must be a finite number, got {value}")
        pending = self._pending[index]
        point = step, -math.inf if value is None else value
        self._pending[index] = replace(pending, curve=(*pending.curve, point))

    def settle(self, index: int) -> Pending:
        """Remove a proposal from the pending ones; ValueError if it is not pending."""
        self._check_pending(index)
        self._settled.add(index)
        self._under_way.discard(index)
        return self._pending.pop(index)

    def stop(self, index: int) -> Observation:
        """Remove a proposal that ends at its last rung; ValueError if it is not pending or has reached none."""
        self._check_pending(index)
        observation = self._pending[index].stopped()
        self.settle(index)
        return observation

    def pause(self, index: int) -> Observation:
        """Put a proposal aside at its last rung; ValueError if it is not pending, or has reached no rung since it was
        last put aside.
        """
        self._check_pending(index)
        pending = self._pending[index]
        if len(pending.curve) == pending.learned:
            raise ValueError(f"no new rung of proposal {index} was observed")
        self._pending[index] = replace(pending, learned=len(pending.curve))
        self._under_way.discard(index)
        return pending.stopped()

    def _check_pending(self, index: int) -> None:
        if index in self._settled:
            raise ValueError(f"proposal {index} was already observed or abandoned")
        if index not in self._pending:
            raise ValueError(f"proposal {index} is unknown: this agent never proposed it")
