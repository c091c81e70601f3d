"""What a search's candidates were worth each time they were trained: a part of ``totals``, and as independent of the
order. Pure.
"""

from __future__ import annotations

from evonas.agents import Replications
from evonas.search.objective import oriented
from evonas.search.trial import Trial
from evonas.spec import Objective


class CandidateRewards:
    """Rewards by candidate, which is known by the index of its first trial."""

    def __init__(self) -> None:
        self.replications = Replications[int]()
        """Oriented: larger is better."""
        self.first_repeats: dict[int, Trial] = {}
        """The first repeat of each candidate that the agent trained again."""
        self._is_shared = False

    def copy(self) -> CandidateRewards:
        """Return a copy that can be added to. Nothing is copied before either is: totals are copied in every pass, but
        few trials have ended since.
        """
        more = CandidateRewards()
        more.replications, more.first_repeats = self.replications, self.first_repeats
        more._is_shared = self._is_shared = True
        return more

    def add(self, objective: Objective, trial: Trial) -> None:
        """Add a trial that succeeded or was infeasible."""
        if self._is_shared:
            self.replications, self.first_repeats = self.replications.copy(), self.first_repeats.copy()
            self._is_shared = False
        if trial.is_repeat:
            known = self.first_repeats.get(trial.candidate)
            self.first_repeats[trial.candidate] = trial if known is None or trial.index < known.index else known
        if trial.reward is not None:
            self.replications.add(trial.candidate, oriented(objective, trial.reward))
        elif trial.is_repeat:
            self.replications.refuse(trial.candidate)
