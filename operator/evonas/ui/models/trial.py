"""One trial in full."""

from __future__ import annotations

from evonas.search.trial import TrialState
from evonas.ui.models.base import DecisionValue, Model


class Change(Model):
    """A decision that differs from the parent's."""

    decision: str
    before: str
    after: str


class Ancestor(Model):
    """A step of a lineage."""

    index: int
    origin: str
    value: float | None
    changes: list[Change]


class Rung(Model):
    """What a trial had at a rung."""

    step: int
    value: float | None
    """None if it had diverged or was beyond a hard limit."""
    decided: str
    """What the rule said, in words; empty if unknown."""


class Attempt(Model):
    """One attempt of a trial, finished or running."""

    number: int
    running: bool
    outcome: str
    pod: str | None
    node: str | None
    started: float | None
    ended: float | None


class Standing(Model):
    """How a trial with a result stands to the front of a search with several objectives."""

    rank: int | None
    """0 on the front, 1 on that of the others, and so on; None if it is worse than a reference."""
    equals: int | None
    """The trial on the front that has the same values and was recorded before it."""
    dominated_by: list[int]
    """Some of the trials on the front that are at least as good in every objective and better in one."""
    dominating: int
    """How many there are."""


class TrialDetails(Model):
    """One trial in full; its explanation has an address of its own."""

    revision: int
    index: int
    name: str
    """Of the ArchitectureTrial."""
    state: TrialState
    outcome: str
    """State, reason and message in a line."""
    reward: float | None
    objectives: dict[str, float]
    """By metric, its value of each of several objectives; empty with a single one, and without a result."""
    standing: Standing | None
    """None with a single objective, and without a result."""
    decisions: dict[str, DecisionValue]
    metrics: dict[str, float]
    origin: str
    parent: int | None
    mutated: list[str]
    policy_ratio: float | None
    pinned: bool
    lineage: list[Ancestor]
    """The oldest first; its own last."""
    children: list[int]
    rungs: list[Rung]
    attempts: list[Attempt]
    checkpoint: str | None
    """What is known of where its checkpoints are."""
    started: float | None
    ended: float | None
    seconds: float | None
    gpu_seconds: float
    source: str | None
    """Which trial of which search its result was taken from."""


class Explanation(Model):
    """Why a trial has its candidate: the text of `evonas explain`."""

    text: str
    problem: str | None
    """Why the alternatives are not known."""
