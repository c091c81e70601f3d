"""Everything the operator remembers of one search between passes.

Nothing in it is the only copy: it follows from the records, or says when something was last done. So whatever a restart
loses is rebuilt, and forgetting a search means dropping one object.
"""

from __future__ import annotations

from dataclasses import dataclass

from evonas.cluster.acceptance import Acceptance
from evonas.cluster.podless import PodlessJobs
from evonas.cluster.warmstart import WarmStart
from evonas.search.proposer import Proposer
from evonas.search.table import TrialTable
from evonas.search.totals import RunningTotals, Totals
from evonas.spec import Objective, SearchSpec


@dataclass
class SearchState:
    """The state of one search between passes."""

    namespace: str
    name: str
    acceptance: Acceptance
    podless: PodlessJobs
    warm_start: WarmStart
    proposer: Proposer | None = None
    """The agent, from its first proposal until the search is over."""
    status_written: float | None = None
    """When the search's status was last written, by the monotonic clock."""
    warned: frozenset[str] = frozenset()
    """Mistakes in annotations that an event has reported and that still exist."""
    _totals: RunningTotals | None = None

    def sum_up(self, objective: Objective, table: TrialTable) -> Totals:
        """Return the totals of the finished trials; do not modify them."""
        if self._totals is None:
            self._totals = RunningTotals(objective)
        return self._totals.update(table)

    def ensure_proposer(self, spec: SearchSpec) -> Proposer:
        """Return the agent's keeper, creating it if there is none."""
        if self.proposer is None:
            self.proposer = Proposer(spec)
        return self.proposer

    def drop_proposer(self) -> None:
        """Drop the agent; it is rebuilt from the records when it is next asked."""
        self.proposer = None
