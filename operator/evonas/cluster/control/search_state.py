"""Everything the operator remembers of one search between passes.

Nothing in it is the only copy: it follows from the records, or says when something was last done. So whatever a restart
loses is rebuilt, and forgetting a search means dropping one object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from evonas.cluster.control.acceptance import Acceptance
from evonas.cluster.control.departures import Departures
from evonas.cluster.control.knowledge import KnowledgeOfSearch
from evonas.cluster.control.pending_reasons import PendingReasons
from evonas.cluster.state.warm_start import WarmStart
from evonas.search.proposer import Proposer
from evonas.search.table import TrialTable
from evonas.search.totals import RunningTotals, Totals
from evonas.spec import Objective, SearchSpec

AGENT_PATIENCE = 300.0
"""Seconds for which an unused agent is kept, in a search with few trials."""

AGENT_PATIENCE_PER_TRIAL = 0.6
"""Rebuilding takes up to 6 ms per recorded trial: this bounds its cost to 1 % of a core, however rare the proposals."""


def patience_with_agent(trials: int) -> float:
    """Return for how many seconds an unused agent is kept, given the number of trials to rebuild it from."""
    return max(AGENT_PATIENCE, trials * AGENT_PATIENCE_PER_TRIAL)


@dataclass
class SearchState:
    """The state of one search between passes."""

    namespace: str
    name: str
    acceptance: Acceptance
    pending_reasons: PendingReasons
    warm_start: WarmStart
    knowledge: KnowledgeOfSearch
    proposer: Proposer | None = None
    """The agent, from a proposal until the search is over or no other is needed for a while."""
    proposer_used: float = 0.0
    """When it was last used, by the monotonic clock."""
    status_written: float | None = None
    """When the search's status was last written, by the monotonic clock."""
    departures: Departures = field(default_factory=Departures)
    warned: frozenset[str] = frozenset()
    """Mistakes in annotations that an event has reported and that still exist."""
    _totals: RunningTotals | None = None

    def sum_up(self, objectives: Sequence[Objective], table: TrialTable) -> Totals:
        """Return the totals of the trials that have ended or are paused; do not modify them."""
        if self._totals is None:
            self._totals = RunningTotals(objectives)
        return self._totals.update(table)

    def ensure_proposer(self, spec: SearchSpec, now: float) -> Proposer:
        """Return the agent's keeper, creating it if there is none; ``now`` is by the monotonic clock."""
        if self.proposer is None:
            self.proposer = Proposer(spec, self.knowledge.experience)
        self.proposer_used = now
        return self.proposer

    def drop_proposer(self) -> None:
        """Drop the agent; it is rebuilt from the records when it is next asked."""
        self.proposer = None

    def drop_idle_proposer(self, trials: int, now: float) -> float | None:
        """Drop the agent if it was not used for a while; returns after how many seconds to look again.

        A search may wait for days, suspended or for a long training, and an agent that learns takes memory.
        """
        if self.proposer is None:
            return None
        left = self.proposer_used + patience_with_agent(trials) - now
        if left > 0:
            return left
        self.drop_proposer()
        return None
