"""The trials of a search, by column, and their learning curves."""

from __future__ import annotations

from evonas.search.trial import TrialState
from evonas.ui.models.base import DecisionValue, Model


class TrialColumns(Model):
    """Trials by column: the ith entry of each list belongs to the ith trial. Columns of names that no trial has are
    left out; a list within a dictionary holds None for the trials without.
    """

    index: list[int]
    state: list[TrialState]
    origin: list[str]
    parent: list[int | None]
    reward: list[float | None]
    """The objective's value; None unless succeeded."""
    value: list[float | None]
    """The reward or, for a trial that was stopped or paused, the value at its last rung."""
    step: list[int | None]
    """Its last rung."""
    sequence: list[int | None]
    """Place among the results."""
    started: list[float | None]
    ended: list[float | None]
    seconds: list[float | None]
    gpu_seconds: list[float]
    attempts: list[int]
    confirmation: list[bool]
    reused: list[bool]
    policy_ratio: list[float | None]
    objectives: dict[str, list[float | None]]
    """By metric, the value of each of several objectives: as ``value`` is or, for an infeasible trial, as it was
    reported. Empty with a single objective."""
    decisions: dict[str, list[DecisionValue | None]]
    metrics: dict[str, list[float | None]]
    says: list[str]
    """Reason and message; empty for most."""


class Trials(Model):
    """All trials of a search, or those that have changed since a revision."""

    id: str
    uid: str
    revision: int
    complete: bool
    """Whether these are all; otherwise those that have changed since the revision asked for."""
    total: int
    columns: TrialColumns


class Ranks(Model):
    """How all results of a search with several objectives stand to its front, and how that grew; costs a while for a
    large search, and may be a little older than ``Trials``."""

    revision: int
    """Of the trials that it is derived from."""
    index: list[int]
    """Trials with a result, without confirmations."""
    rank: list[int | None]
    """Of each of them: 0 on the front, 1 on that of the others, and so on; None if it is worse than a reference."""
    results: list[int]
    """How many there were when the hypervolume grew, ascending; 0 for what was known before the search."""
    hypervolumes: list[float]
    """How large it was from then on, measured from today's reference; at most 400 are told."""


class Curve(Model):
    """What a trial has reported of its progress, as far as it is known: rungs, and what was seen while this process
    watched."""

    index: int
    attempt: int
    running: bool
    steps: list[int]
    metrics: dict[str, list[float | None]]


class Curves(Model):
    """Learning curves, those of running trials first."""

    revision: int
    curves: list[Curve]
