"""All searches, a line each, and what serves them."""

from __future__ import annotations

from evonas.recorded.search import Phase
from evonas.sources.live.seen import Origin
from evonas.ui.models.base import Model


class Page(Model):
    """What serves the page."""

    version: str
    """Of evonas."""
    started: float
    """Revisions of a process that started at another time mean nothing here."""
    read_only: bool
    """Whether no action is ever possible here."""
    sources: list[SourceState]


class SourceState(Model):
    """A folder, file or cluster that searches are read from."""

    name: str
    """For people: a path, or the cluster's address and namespace."""
    origin: Origin
    searches: int
    seen: float | None
    """When it was last known to be current; None before it was read."""
    problem: str | None
    """Why what is shown of it may be out of date."""


class Objective(Model):
    """What is optimised."""

    metric: str
    minimize: bool
    target: float | None
    reference: float | None
    """The worst value that is worth anything, where there are several objectives; None if that is not declared."""


class FrontSize(Model):
    """The front of a search with several objectives, in short."""

    size: int
    """How many trials are on it; of equal ones, the first recorded."""
    hypervolume: float | None
    """The volume between it and the reference; None before the first result."""


class Best(Model):
    """The best single result of a search."""

    index: int
    value: float


class Summary(Model):
    """A search on one line."""

    id: str
    """Opaque; names the search in every address."""
    revision: int
    origin: Origin
    namespace: str | None
    name: str
    uid: str
    reference: str
    """How the command line refers to it."""
    labels: dict[str, str]
    phase: Phase | None
    """None if nothing of its record could be read."""
    says: str
    """What it is doing or waits for, in a sentence."""
    blocked: str | None
    """The reason why nothing of it runs, one word; None if it is not blocked."""
    problem: str | None
    """Why its record cannot be read; what else is said may then be empty or old."""
    agent: str
    metric: str
    """Of the first objective; a trial's reward is its value."""
    minimize: bool
    objectives: list[Objective]
    """One, or several; none if they cannot be read."""
    counts: dict[str, int]
    """Trials by state, in lower case, and ``total``."""
    max_trials: int
    best: Best | None
    """None before the first result, and with several objectives."""
    front: FrontSize | None
    """None with a single objective."""
    trend: list[float]
    """The best value so far or, with several objectives, the hypervolume at up to 48 points, evenly spread over the
    results."""
    uses_gpus: bool
    gpu_hours: float
    max_gpu_hours: float | None
    """The budget; None if it has none."""
    reused: int
    created: float | None
    ended: float | None


class Searches(Model):
    """All searches, or those that have changed since a revision."""

    revision: int
    complete: bool
    """Whether these are all; otherwise those that have changed, and ``gone``."""
    searches: list[Summary]
    gone: list[str]
