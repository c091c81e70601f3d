"""Which candidate to take where rewards are noisy: the one that is expected to be best, which is not the one whose
reward was luckiest. Pure, beside ``confirmation``; the statistics are those by which the agent chooses what to repeat.
"""

from __future__ import annotations

from dataclasses import dataclass

from evonas.search.objective import oriented
from evonas.search.totals import Totals
from evonas.search.trial import Trial
from evonas.spec import SearchSpec
from evonas.wording import counted


@dataclass(frozen=True)
class Recommended:
    """A candidate and what is known of it, in the user's orientation."""

    index: int
    """Of its first trial."""
    trial: Trial
    """One of its trials, with its decisions."""
    runs: int
    """How many rewards it has."""
    mean: float
    """Of these."""
    expected: float
    """What it is worth, as far as that is known: between its mean and that of other good candidates."""
    deviation: float
    """Standard deviation of what it may be worth."""


def recommend(spec: SearchSpec, totals: Totals) -> Recommended | None:
    """Return the candidate that is most likely the best; None if no candidate was repeated, or rewards are exact."""
    return next(iter(_ranked(spec, totals)), None)


def in_words(recommended: Recommended) -> str:
    """For people."""
    return (
        f"recommended: trial {recommended.index}: mean {recommended.mean:.6g} of {counted(recommended.runs, 'run')},"
        f" expected {recommended.expected:.6g} ± {recommended.deviation:.3g}"
    )


def find_leaders(spec: SearchSpec, totals: Totals, count: int) -> list[Trial]:
    """Return a trial of each of the best candidates, by what they are expected to be worth as far as that is known, the
    rest by their best reward.
    """
    expected = {each.index: each.trial for each in _ranked(spec, totals)}
    others = [leader for leader in totals.leaders if leader.candidate not in expected]
    return [*expected.values(), *others][:count]


def _ranked(spec: SearchSpec, totals: Totals) -> list[Recommended]:
    if not totals.candidate_rewards.first_repeats:
        return []
    known = {leader.candidate: leader for leader in totals.leaders} | totals.candidate_rewards.first_repeats
    return [
        Recommended(
            index=belief.candidate,
            trial=known[belief.candidate],
            runs=belief.runs,
            mean=oriented(spec.objective, belief.mean),
            expected=oriented(spec.objective, belief.expected),
            deviation=belief.deviation,
        )
        for belief in totals.candidate_rewards.replications.leaders()
        if belief.candidate in known
    ]
