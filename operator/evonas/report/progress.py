"""A search's course, from its record: where candidates came from, the winner's ancestors, costs, failures."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evonas.recorded.additions import Course, course
from evonas.recorded.fronts import grow, results_of
from evonas.recorded.search import RecordedSearch
from evonas.search.budget import SECONDS_PER_HOUR
from evonas.search.means import mean
from evonas.search.objective import oriented, values_of
from evonas.search.trial import Trial, TrialState
from evonas.search.trial_environment import to_text
from evonas.space import Decision, Value

MAX_STEPS = 120
_ABSENT = "absent"


@dataclass(frozen=True)
class Ancestor:
    """One step of a lineage."""

    trial: Trial
    changes: Mapping[str, tuple[str, str]]
    """Decisions that differ from the parent's, as (before, after)."""
    values: tuple[float | None, ...] = ()
    """What it has in each objective."""


@dataclass(frozen=True)
class Improvement:
    """A trial that was better than all before it or, in a search with several objectives, was added to the front."""

    trial: Trial
    gain: float
    """By how much, at most what a float holds; 0 for the first. With several objectives, by how much the hypervolume
    grew, measured from the reference at the end."""
    hours: float
    """Spent by all trials until then: GPU hours in a search that uses GPUs, hours of trials in any other."""
    spent: float
    """Of these, since the improvement before."""
    values: tuple[float, ...] = ()
    """What it has in each of several objectives."""
    is_member: bool = False
    """Whether it is still on the front of several objectives."""


@dataclass(frozen=True)
class Failures:
    """Trials that ended without a reward for the same reason."""

    state: TrialState
    reason: str
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Origin:
    """The trials with the same origin."""

    name: str
    trials: int
    results: int
    """How many of them have a reward."""
    stopped: int
    paused: int
    reused: int
    """How many reuse the result of another search's trial."""
    mean: float | None
    """Mean of the rewards; None without any."""
    best: float | None
    members: int = 0
    """How many of them are on the front of a search with several objectives."""
    means: tuple[float, ...] = ()
    """Of each of several objectives; empty without a reward."""


@dataclass(frozen=True)
class Costs:
    """What the trials took, in hours."""

    gpu_hours: float
    trial_hours: float
    confirmation_hours: float
    """How many of the GPU hours went into confirmations; of the hours of trials in a search without GPUs."""


def results_in_order(record: RecordedSearch) -> list[Trial]:
    """Return the trials with a reward as they were recorded, without confirmations."""
    rewarded = [trial for trial in record.trials if trial.reward is not None and not trial.is_confirmation]
    return sorted(rewarded, key=lambda trial: (trial.sequence or 0, trial.index))


def costs(record: RecordedSearch) -> Costs:
    """Return what all trials took."""
    uses_gpus = record.uses_gpus
    confirmations = (trial for trial in record.trials if trial.is_confirmation)
    return Costs(
        gpu_hours=record.totals.gpu_seconds / SECONDS_PER_HOUR,
        trial_hours=sum(trial.seconds or 0.0 for trial in record.trials) / SECONDS_PER_HOUR,
        confirmation_hours=sum(trial.gpu_seconds if uses_gpus else trial.seconds or 0.0 for trial in confirmations)
        / SECONDS_PER_HOUR,
    )


def origins(record: RecordedSearch) -> list[Origin]:
    """Return the origins of the trials, in order of first appearance."""
    found: dict[str, list[Trial]] = {}
    for trial in record.trials:
        found.setdefault(trial.proposal.origin, []).append(trial)
    return [_origin(record, name, trials) for name, trials in found.items()]


def lineage(record: RecordedSearch, trial: Trial) -> list[Ancestor]:
    """Return a trial and its ancestors, the oldest first."""
    line: list[Ancestor] = []
    current: Trial | None = trial
    while current is not None:
        index = current.proposal.parent
        # A record that somebody has changed may have circles: parents come before their children.
        parent = None if index is None or index >= current.index else record.trial(index)
        changes = {} if parent is None else _changes(parent.decisions, current.decisions)
        values = values_of(record.spec.objectives, current) or (None,) * len(record.spec.objectives)
        line.append(Ancestor(current, changes, values))
        current = parent
    return line[::-1]


def improvements(record: RecordedSearch, grown: Course | None = None) -> list[Improvement]:
    """Return the trials that were the best, or on the front, when they ended, with what had been spent until then;
    ``grown`` is how the hypervolume grew, where that is known already.
    """
    reference = record.totals.front.reference
    if record.spec.has_several:
        if grown is None and reference is not None:
            grown = course(record, reference)
        return [] if grown is None else [*_additions(record, grown)]
    ended = sorted((trial for trial in record.trials if trial.completion_time), key=_end)
    found: list[Improvement] = []
    uses_gpus = record.uses_gpus
    hours = 0.0
    for trial in ended:
        hours += (trial.gpu_seconds if uses_gpus else trial.seconds or 0.0) / SECONDS_PER_HOUR
        if trial.reward is None or trial.is_confirmation:
            continue
        merit = oriented(record.spec.objective, trial.reward)
        before = found[-1] if found else None
        known = None if before is None else oriented(record.spec.objective, before.trial.reward or 0.0)
        if known is None or merit > known:
            spent = hours - (0.0 if before is None else before.hours)
            gain = 0.0 if known is None else min(merit - known, sys.float_info.max)
            found.append(Improvement(trial, gain, hours, spent))
    return found


def _additions(record: RecordedSearch, grown: Course) -> Iterator[Improvement]:
    before, members = 0.0, {trial.index for trial in record.totals.front.members}
    for added in grown.additions:
        values = values_of(record.spec.objectives, added.trial) or ()
        is_member = added.trial.index in members
        yield Improvement(added.trial, added.gain, added.hours, added.hours - before, values, is_member)
        before = added.hours


def additions(record: RecordedSearch) -> list[tuple[Trial, float, float]]:
    """Return the trials that made the hypervolume grow, at most so many (``fronts.MOST_STEPS``): each with what it came
    to, and what had been spent until it ended (``Improvement.hours``).
    """
    results = [trial for trial in results_of(record.trials) if trial.imported is None]
    steps, hours, spent = grow(record.spec.objectives, record.trials), dict[int, float](), 0.0
    for trial in sorted((trial for trial in record.trials if trial.completion_time), key=_end):
        spent += (trial.gpu_seconds if record.uses_gpus else trial.seconds or 0.0) / SECONDS_PER_HOUR
        hours[trial.index] = spent
    grown = [(results[count - 1], volume) for count, volume in zip(steps.results, steps.volumes, strict=True) if count]
    return [(trial, volume, hours[trial.index]) for trial, volume in grown if trial.index in hours]


def failures(record: RecordedSearch) -> list[Failures]:
    """Return the trials that ended without a reward, the most frequent reason first."""
    found: dict[tuple[TrialState, str], list[Trial]] = {}
    for trial in record.trials:
        if trial.state in (TrialState.FAILED, TrialState.INFEASIBLE, TrialState.CANCELLED):
            found.setdefault((trial.state, trial.reason), []).append(trial)
    groups = [Failures(state, reason, tuple(trials)) for (state, reason), trials in found.items()]
    return sorted(groups, key=lambda group: -len(group.trials))


def value_shares(
    decision: Decision, trials: Sequence[Trial], population: int, *, has_absent: bool
) -> tuple[list[list[float]], list[int]]:
    """Return shares and steps: which values the latest ``population`` results have after each of some steps.

    ``trials`` are those with a reward, in the order of the results. With ``has_absent`` the last share is that of the
    candidates that lack the decision.
    """
    labels = [*map(to_text, decision.values), *([_ABSENT] if has_absent else [])]
    taken = [_label(trial.decisions, decision.name) for trial in trials]
    stride = max(1, len(trials) // MAX_STEPS)
    steps = [*range(1, len(trials), stride), len(trials)]
    shares = []
    for step in steps:
        window = taken[max(0, step - population) : step]
        shares.append([window.count(label) / len(window) for label in labels])
    return shares, steps


def _origin(record: RecordedSearch, name: str, trials: Sequence[Trial]) -> Origin:
    rewards = [trial.reward for trial in trials if trial.reward is not None]
    best = max(rewards, key=lambda reward: oriented(record.spec.objective, reward), default=None)
    reused = sum(trial.reused is not None for trial in trials)
    stopped = sum(trial.state is TrialState.STOPPED for trial in trials)
    paused = sum(trial.state is TrialState.PAUSED for trial in trials)
    middle = mean(rewards) if rewards else None
    if not record.spec.has_several:
        return Origin(name, len(trials), len(rewards), stopped, paused, reused, middle, best)
    known = [found for trial in trials if (found := values_of(record.spec.objectives, trial)) is not None]
    front = {trial.index for trial in record.totals.front.members}
    members = sum(trial.index in front for trial in trials)
    means = tuple(map(mean, zip(*known, strict=True)))
    return Origin(name, len(trials), len(rewards), stopped, paused, reused, middle, best, members, means)


def _label(decisions: Mapping[str, Value], name: str) -> str:
    return to_text(decisions[name]) if name in decisions else _ABSENT


def _changes(before: Mapping[str, Value], after: Mapping[str, Value]) -> dict[str, tuple[str, str]]:
    names = [*after, *(name for name in before if name not in after)]
    pairs = {name: (_label(before, name), _label(after, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _end(trial: Trial) -> tuple[float, int]:
    assert trial.completion_time is not None
    return trial.completion_time.timestamp(), trial.index
