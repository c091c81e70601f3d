"""An agent's memory of its proposals: which candidates are known, which proposals are pending.

Learning is elsewhere; this module enforces the order of calls and never forgets a candidate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from evonas.agents.curves import Curve
from evonas.agents.interface import Reward
from evonas.agents.policy import Observation
from evonas.agents.rewards import Values, values_of
from evonas.space import Choices


@dataclass(frozen=True)
class Pending:
    """A proposal whose outcome is open."""

    index: int
    choices: Choices
    drawn: tuple[bool, ...]
    curves: tuple[Curve, ...] = ()
    """For each objective, what it has reached at rungs; empty if it has reached none."""
    repeats: int | None = None
    """The proposal whose candidate it trains again; None if the candidate is new."""
    learned: int = 0
    """How many rungs it had reached when it was last put aside; 0 if it never was."""

    @property
    def final(self) -> float:
        """As of an observation, in any objective: NaN while it is open, minus infinity if it has diverged."""
        return -math.inf if self.curves and self.curves[0][-1][1] == -math.inf else math.nan

    @property
    def rungs(self) -> int:
        """How many rungs it has reached."""
        return len(self.curves[0]) if self.curves else 0

    def curve(self, objective: int = 0) -> Curve:
        """Return what it has reached at rungs in one objective."""
        return self.curves[objective] if self.curves else ()

    def observed(self, values: Values | None) -> Observation:
        """Return the proposal with its reward."""
        return Observation(
            self.index, self.choices, self.drawn, values, self.curves, again=self.learned > 0, repeats=self.repeats
        )

    def stopped(self) -> Observation:
        """Return the proposal as it stands at its last rung; ValueError if it has reached none."""
        if not self.curves:
            raise ValueError(f"no rung of proposal {self.index} was observed")
        values = None if self.final == -math.inf else tuple(curve[-1][1] for curve in self.curves)
        return replace(self.observed(values), stopped=True)


class History:
    """All proposals so far, including abandoned ones."""

    def __init__(self, objectives: int = 1) -> None:
        self._objectives = objectives
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

    def reach(self, index: int, step: int, value: Reward | None) -> Values | None:
        """Note and return what a pending proposal has reached at a rung, None if it has diverged; ValueError if it is
        not pending, or the value is not finite or not of as many objectives as there are.
        """
        self._check_pending(index)
        what = f"the value of proposal {index} at step {step}"
        values = None if value is None else values_of(value, self._objectives, what)
        pending = self._pending[index]
        points = (-math.inf,) * self._objectives if values is None else values
        before = pending.curves or ((),) * self._objectives
        curves = tuple((*curve, (step, point)) for curve, point in zip(before, points, strict=True))
        self._pending[index] = replace(pending, curves=curves)
        return values

    def read(self, index: int, reward: Reward | None) -> Values | None:
        """Return the values of a proposal's reward; ValueError as ``values_of`` raises it."""
        return None if reward is None else values_of(reward, self._objectives, f"the reward of proposal {index}")

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
        if pending.rungs == pending.learned:
            raise ValueError(f"no new rung of proposal {index} was observed")
        self._pending[index] = replace(pending, learned=pending.rungs)
        self._under_way.discard(index)
        return pending.stopped()

    def _check_pending(self, index: int) -> None:
        if index in self._settled:
            raise ValueError(f"proposal {index} was already observed or abandoned")
        if index not in self._pending:
            raise ValueError(f"proposal {index} is unknown: this agent never proposed it")
