"""What is told of searches that are kept current. Values only; ``directory`` tells them.

A ``revision`` is a number that grows with every change in one process: whoever has seen everything up to a revision
needs only what came after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from evonas.recorded.search import Overview
from evonas.search.trial import Trial

TREND_POINTS = 48


class Origin(StrEnum):
    """Where a search is recorded."""

    RUN = "run"
    """The folder of a local run."""
    EXPORT = "export"
    """A file of `evonas export`."""
    CLUSTER = "cluster"


@dataclass(frozen=True)
class SeenSearch:
    """A search without its trials."""

    id: str
    """Names it here; the same after a restart with the same command line."""
    revision: int
    """Of this line's latest change; ``trials`` and ``curves`` have revisions of their own."""
    origin: Origin
    reference: str
    """How the command line refers to it: a path, or kind and name as kubectl prints them."""
    uid: str
    body: Mapping[str, Any]
    """The ArchitectureSearch without managedFields; empty if nothing of it could be read."""
    overview: Overview | None
    """None if nothing of it could be read."""
    trend: Sequence[float]
    """The best reward so far or, with several objectives, the hypervolume at up to TREND_POINTS points, evenly spread
    over the results; the last is today's."""
    ended: datetime | None
    """When its last trial ended, if nothing works on it any more."""
    problem: str | None = None
    """Why its record cannot be read (any more), in a sentence; what else is said may be old."""
    warnings: Sequence[str] = ()
    """What is missing from the files of a run at rest, one sentence each."""


@dataclass(frozen=True)
class SeenTrials:
    """The trials of a search, or those that have changed since a revision."""

    revision: int
    """What to ask for next: all that changed up to it is here."""
    complete: bool
    """Whether these are all: what was known before does not count any more."""
    total: int
    trials: Sequence[Trial]
    """By index."""


@dataclass(frozen=True)
class SeenCurve:
    """What a trial has reported of its progress: its rungs, and what was seen while this process watched."""

    index: int
    attempt: int
    """The latest that anything is known of; 0 if only its rungs are."""
    running: bool
    steps: Sequence[int]
    """Ascending."""
    metrics: Mapping[str, Sequence[float | None]]
    """By name, a value or None for each step."""


@dataclass(frozen=True)
class SeenCurves:
    """Learning curves of a search, those of running trials first, then from the latest on."""

    revision: int
    curves: Sequence[SeenCurve]


@dataclass(frozen=True)
class RunningAttempt:
    """An attempt that is under way; what a record says of attempts begins with their end."""

    index: int
    attempt: int
    started: datetime | None
    pod: str | None = None
    node: str | None = None


@dataclass(frozen=True)
class SeenSource:
    """The state of a folder, a file or a cluster that searches are read from."""

    name: str
    """For people: a path, or the cluster's address and namespace."""
    origin: Origin
    searches: int
    seen: datetime | None
    """When it was last known to be current; None before it was read."""
    problem: str | None
    """Why what is known of it is out of date or not all there is, in a sentence; None if it is current."""


class NoticeKind(StrEnum):
    """What has changed."""

    SEARCH = "search"
    """The line about a search (``SeenSearch``), or a new search."""
    TRIALS = "trials"
    CURVES = "curves"
    GONE = "gone"
    """A search no longer exists."""
    SOURCE = "source"
    """The state of a source."""
    LOST = "lost"
    """The subscriber was too slow, and does not know what has changed."""


@dataclass(frozen=True)
class Notice:
    """Says only that something is newer: whoever wants to know asks for it."""

    kind: NoticeKind
    revision: int
    id: str | None = None
    """Of the search; None for sources, and for LOST."""
