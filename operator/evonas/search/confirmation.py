"""Confirmation: the leaders of a search are trained again with new seeds, lest the winner be a stroke of luck. Pure.

The best of many noisy rewards is partly noise (the winner's curse), so a leader's first reward does not count here. A
confirmation is an ArchitectureTrial like any other, but the agent does not learn from it, and it counts neither towards
``maxTrials`` nor as the search's best.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from evonas.search.means import deviation, mean
from evonas.search.objective import oriented, values_of
from evonas.search.recommendation import find_leaders, recommend
from evonas.search.totals import Totals
from evonas.search.trial import ProposalRecord, Trial
from evonas.spec import Objective, SearchSpec

ORIGIN = "confirmation"


@dataclass(frozen=True)
class Confirmed:
    """The results of one leader's confirmations."""

    leader: Trial
    runs: int
    """How many of them ended, with or without a reward."""
    mean: float | None
    """Mean of their rewards; None without any."""
    deviation: float | None
    """Sample standard deviation of the rewards; None with fewer than two, or where it is more than a float holds."""
    wins: int
    """Repeats in which this leader's reward was the best of all, including ties; 0 with several objectives."""
    means: tuple[float, ...] = ()
    """With several objectives, the mean of each; empty without a result. ``mean`` is that of the first."""
    deviations: tuple[float | None, ...] = ()
    """Their standard deviations, likewise."""


def due_confirmations(spec: SearchSpec, totals: Totals, room: int) -> list[Trial]:
    """Return up to ``room`` confirmations that are not recorded yet, beginning with every leader's first repeat."""
    if spec.confirm is None:
        return []
    leaders = _leaders(spec, totals, spec.confirm.top)
    missing = [
        (leader, repeat)
        for repeat in range(1, spec.confirm.repeats + 1)
        for leader in leaders
        if repeat not in totals.confirmations.get(leader.index, ())
    ]
    first = totals.last_index + 1
    return [
        _confirmation(first + number, leader, repeat, totals)
        for number, (leader, repeat) in enumerate(missing[: max(0, room)])
    ]


def confirm(spec: SearchSpec, totals: Totals) -> list[Confirmed]:
    """Return what is known about each leader, the best mean first or, with several objectives, the most valuable member
    of the front first; empty if nothing was confirmed.
    """
    if spec.confirm is None or (spec.has_several and not totals.confirmations):
        return []
    leaders = _leaders(spec, totals, spec.confirm.top)
    runs = {leader.index: totals.confirmations.get(leader.index, {}) for leader in leaders}
    if spec.has_several:
        wanted = _repeats(spec)
        return [
            _of_member(spec, leader, [run for repeat, run in runs[leader.index].items() if repeat in wanted])
            for leader in leaders
        ]
    winning = [_best(spec.objective, [run.get(repeat) for run in runs.values()]) for repeat in _repeats(spec)]
    found = [
        _summary(leader, [runs[leader.index].get(repeat) for repeat in _repeats(spec)], winning) for leader in leaders
    ]

    def merit(confirmed: Confirmed) -> float:
        return -float("inf") if confirmed.mean is None else oriented(spec.objective, confirmed.mean)

    return sorted(found, key=merit, reverse=True)


def find_winner(spec: SearchSpec, totals: Totals) -> Trial | None:
    """Return the leader whose confirmations have the best mean. Before there are any, a trial of the candidate that is
    recommended; where none is, the best trial. With several objectives there is no winner: None.
    """
    return find_result(spec, totals)[0]


def find_result(spec: SearchSpec, totals: Totals) -> tuple[Trial | None, float | None]:
    """Return the winner, and the mean by which it is one or, of the best trial, its reward; None and None where there
    is no winner.
    """
    if spec.has_several:
        return None, None
    confirmed = [item for item in confirm(spec, totals) if item.mean is not None]
    if confirmed:
        return confirmed[0].leader, confirmed[0].mean
    if (recommended := recommend(spec, totals)) is not None:
        return recommended.trial, recommended.mean
    return totals.best, None if totals.best is None else totals.best.reward


def _leaders(spec: SearchSpec, totals: Totals, count: int) -> list[Trial]:
    return totals.front.most_valuable(count) if spec.has_several else find_leaders(spec, totals, count)


def _confirmation(index: int, leader: Trial, repeat: int, totals: Totals) -> Trial:
    proposal = ProposalRecord(ORIGIN, leader.index, (), totals.last_sequence, repeat=repeat)
    return Trial(index, leader.decisions, proposal)


def _repeats(spec: SearchSpec) -> range:
    assert spec.confirm is not None
    return range(1, spec.confirm.repeats + 1)


def _best(objective: Objective, trials: Sequence[Trial | None]) -> float | None:
    rewards = [trial.reward for trial in trials if trial is not None and trial.reward is not None]
    return max(rewards, key=lambda reward: oriented(objective, reward)) if len(rewards) > 1 else None


def spread_of(
    objectives: Sequence[Objective], runs: Iterable[Trial]
) -> tuple[tuple[float, ...], tuple[float | None, ...]]:
    """Return the mean of each objective over the runs with a result, and the standard deviation, None with a single one
    or where it is more than a float holds; both empty without any.
    """
    found = [values for run in runs if (values := values_of(objectives, run)) is not None]
    columns = [*zip(*found, strict=True)]
    return tuple(map(mean, columns)), tuple(map(deviation, columns))


def _of_member(spec: SearchSpec, member: Trial, runs: Collection[Trial]) -> Confirmed:
    means, deviations = spread_of(spec.objectives, runs)
    ended = sum(run.state.is_final for run in runs)
    return Confirmed(member, ended, next(iter(means), None), next(iter(deviations), None), 0, means, deviations)


def _summary(leader: Trial, trials: Sequence[Trial | None], winning: Sequence[float | None]) -> Confirmed:
    ended = [trial for trial in trials if trial is not None and trial.state.is_final]
    rewards = [trial.reward for trial in ended if trial.reward is not None]
    won = sum(
        best is not None and trial is not None and trial.reward == best
        for trial, best in zip(trials, winning, strict=True)
    )
    return Confirmed(
        leader=leader,
        runs=len(ended),
        mean=mean(rewards) if rewards else None,
        deviation=deviation(rewards),
        wins=won,
    )
