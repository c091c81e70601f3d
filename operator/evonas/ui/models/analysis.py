"""What is derived from all trials of a search."""

from __future__ import annotations

from evonas.search.trial import TrialState
from evonas.ui.models.base import Model


class Share(Model):
    """How much a decision matters, relative to the others."""

    decision: str
    share: float


class Importance(Model):
    """Permutation importance of the decisions in a random forest that predicts rewards."""

    explained: float
    """Share of the variance of unseen rewards that the forest predicts."""
    shares: list[Share]


class PolicyMoment(Model):
    """The policy after some results: by decision, the probability of each of its values, and of its absence last if it
    is conditional."""

    results: int
    probabilities: dict[str, list[float]]


class Policy(Model):
    """How the agent's policy changed."""

    moments: list[PolicyMoment]
    problem: str | None
    """Why it cannot be derived."""
    foreign: bool
    """Whether other software versions made the proposals than those that derive it here."""


class OriginRow(Model):
    """The trials of one origin."""

    origin: str
    trials: int
    results: int
    stopped: int
    paused: int
    reused: int
    mean: float | None
    best: float | None


class ImprovementRow(Model):
    """A trial that was better than all before it or, with several objectives, one that was on the front when it was
    recorded, and what had been spent until then: GPU hours where GPUs are asked for, else hours of trials."""

    index: int
    value: float
    """Its own or, with several objectives, the hypervolume with it."""
    gain: float
    hours: float
    spent: float


class FailureRow(Model):
    """Trials that ended without a reward for the same reason."""

    state: TrialState
    reason: str
    trials: list[int]
    message: str
    """Of the latest of them."""


class Stopping(Model):
    """What stopping or pausing at rungs has saved."""

    rule: str
    pauses: bool
    cut: int
    full: int
    at: list[tuple[int, int]]
    """Step and number of trials cut there."""
    saved_hours: float
    """GPU hours where GPUs are asked for, else hours of trials."""


class Analysis(Model):
    """What is derived from all trials of a search; costs seconds for a large one, and is kept for its revision."""

    revision: int
    """Of the trials (``Trials``) that it is derived from. While they change quickly it may be older than theirs: ask
    again after a while."""
    results: int
    importance: Importance | None
    """None with too few results, or if all are the same."""
    policy: Policy | None
    """None if no policy has learned."""
    origins: list[OriginRow]
    improvements: list[ImprovementRow]
    failures: list[FailureRow]
    stopping: Stopping | None
    gpu_hours: float
    trial_hours: float
    confirmation_hours: float
