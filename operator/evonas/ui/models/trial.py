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
