"""What repeating the members of a front has shown, objective by objective. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from evonas.recorded.search import RecordedSearch
from evonas.search.confirmation import spread_of
from evonas.search.trial import Trial


@dataclass(frozen=True)
class Repeated:
    """The results of a trial's confirmations."""

    runs: int
    """How many of them have a result."""
    means: tuple[float, ...]
    """Of each objective, in the user's orientation."""
    deviations: tuple[float | None, ...]
    """Sample standard deviations; None with a single run, or where it is more than a float holds."""

    def in_words(self, place: int) -> str:
        """Return mean and deviation in one objective."""
        spread = self.deviations[place]
        return f"{self.means[place]:.6g}{'' if spread is None else f' ± {spread:.3g}'}"


def find_repeated(record: RecordedSearch, trial: Trial) -> Repeated | None:
    """Return what a trial's confirmations have shown; None without a result of one. The result that made them worth
    their while does not count: it may have been luck.
    """
    runs = record.totals.confirmations.get(trial.index, {}).values()
    means, deviations = spread_of(record.spec.objectives, runs)
    return Repeated(sum(run.reward is not None for run in runs), means, deviations) if means else None
