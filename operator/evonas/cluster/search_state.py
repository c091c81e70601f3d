"""All that the operator remembers of one search from one pass to the next.

Nothing in it is the only copy of anything: it follows from the records, or it says when something was last done. So
whatever is lost with a restart is found again, and forgetting a search is dropping one object.
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
    """One search between two passes."""

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
    """The mistakes in annotations that an event has told of and that are still there."""
    _totals: RunningTotals | None = None

    def sum_up(self, objective: Objective, table: TrialTable) -> Totals:
        """Return the totals of the finished trials; they are not to be changed."""
        if self._totals is None:
            self._totals = RunningTotals(objective)
        return self._totals.update(table)

    def ensure_proposer(self, spec: SearchSpec) -> Proposer:
        """Return the agent's keeper, a new one where there is none."""
        if self.proposer is None:
            self.proposer = Proposer(spec)
        return self.proposer

    def drop_proposer(self) -> None:
        """Let the agent go; it is folded again from the records when it is next asked."""
        self.proposer = None
