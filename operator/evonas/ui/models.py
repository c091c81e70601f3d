"""What the API says and takes, version 1: the source of its OpenAPI document and of the page's own types.

Names are camelCase in JSON, as in the manifests. Moments are seconds since 1970. A ``revision`` is a number that grows
with each change; revisions of one process are comparable with each other only.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from evonas.recorded.search import Phase
from evonas.search.trial import TrialState
from evonas.sources.live.seen import Origin

DecisionValue = str | int | float | bool


class Model(BaseModel):
    """An object of the API."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="forbid", frozen=True
    )


class Problem(Model):
    """Why a request was not answered as asked: what is wrong, and the cure."""

    message: str


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
    phase: Phase
    says: str
    """What it is doing or waits for, in a sentence."""
    blocked: str | None
    """The reason why nothing of it runs, one word; None if it is not blocked."""
    problem: str | None
    """Why its record cannot be read; what else is said may then be empty or old."""
    agent: str
    metric: str
    minimize: bool
    counts: dict[str, int]
    """Trials by state, in lower case, and ``total``."""
    max_trials: int
    best: Best | None
    trend: list[float]
    """The best value so far at up to 48 points, evenly spread over the results."""
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


class When(Model):
    """The condition of a decision."""

    decision: str
    values: list[DecisionValue]


class DecisionInfo(Model):
    """A decision of a space."""

    name: str
    values: list[DecisionValue]
    ordered: bool
    when: When | None


class Constraint(Model):
    """A constraint of the objective: soft with a target, or hard with a maximum."""

    metric: str
    target: float | None
    maximum: float | None


class Condition(Model):
    """A condition of a search's status."""

    type: str
    status: str
    reason: str
    message: str
    since: float | None


class Confirmation(Model):
    """A leader that was trained again."""

    index: int
    runs: int
    wins: int
    mean: float | None
    deviation: float | None


class Recommendation(Model):
    """The candidate that is expected to be the best."""

    index: int
    runs: int
    mean: float
    expected: float
    deviation: float


class Details(Model):
    """One search, without its trials."""

    summary: Summary
    space: list[DecisionInfo]
    constraints: list[Constraint]
    parallel_trials: int
    population: int | None
    """How many of the latest results the agent draws parents from; None if it has no population."""
    window: int
    """How many results a moving average is over."""
    rungs: list[int]
    """Steps at which trials are judged; empty without fidelity."""
    last_step: int | None
    pauses: bool
    """Whether trials pause at rungs instead of being stopped."""
    target: float | None
    learned_from: str
    pinned: list[int]
    winner: int | None
    """Trial of the best candidate: confirmed, recommended, or the best single result."""
    recommended: Recommendation | None
    confirmed: list[Confirmation]
    conditions: list[Condition]
    """Empty for searches that no operator works on."""
    manifest: str
    """YAML, as it was declared."""
    environments: list[dict[str, Any]]
    images: dict[str, list[str]]


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
    """A trial that was better than all before it, and what had been spent until then: GPU hours where GPUs are asked
    for, else hours of trials."""

    index: int
    value: float
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


class Group(Model):
    """Searches that differ only in their seed."""

    label: str
    searches: list[str]
    averages: list[float]
    average_deviations: list[float]
    """Empty for a single search."""
    bests: list[float]
    best_deviations: list[float]


class Comparison(Model):
    """Searches of one objective, grouped."""

    metric: str
    minimize: bool
    window: int
    groups: list[Group]


class Event(Model):
    """A Kubernetes event of a search or its trials."""

    time: float | None
    type: str
    reason: str
    message: str
    about: str
    count: int


class Alert(Model):
    """An alert that Prometheus has raised for a search."""

    name: str
    severity: str
    state: str
    summary: str
    since: float | None
    runbook: str


class Happenings(Model):
    """Events and alerts of a search, the latest first."""

    events: list[Event]
    alerts: list[Alert]
    problems: list[str]
    """What could not be asked, and why."""


class ActionName(StrEnum):
    """What can be asked of a search."""

    SUSPEND = "suspend"
    RESUME = "resume"
    PARALLEL = "parallel"
    BUDGET = "budget"
    ENQUEUE = "enqueue"
    PIN = "pin"
    UNPIN = "unpin"
    VETO = "veto"


class Permission(Model):
    """Whether the viewer may act so on a search now."""

    action: ActionName
    allowed: bool
    reason: str
    """Why not, with the cure; empty if allowed."""


class Order(Model):
    """An action; which fields it needs depends on its name: ``parallel`` takes ``parallelTrials``, ``budget`` takes
    ``maxTrials``, ``enqueue`` takes ``decisions``, ``pin``, ``unpin`` and ``veto`` take ``trial``."""

    action: ActionName
    parallel_trials: int | None = None
    max_trials: int | None = None
    decisions: dict[str, DecisionValue] | None = None
    trial: int | None = None
    because: str = ""
    preview: bool = False
    """Check it and say which command does the same, but do nothing."""


class Done(Model):
    """What became of an order."""

    done: bool
    """False for a preview."""
    command: str
    """The command line that does the same."""
    message: str


class ChangeKind(StrEnum):
    """What a server-sent event is about; its name."""

    BEAT = "beat"
    """Nothing has changed; sent at least every 5 seconds, so that silence means a broken stream."""
    SEARCHES = "searches"
    """Some line of the list has changed."""
    SEARCH = "search"
    """A search that is looked at has changed: its trials, curves or status."""
    GONE = "gone"
    """A search that is looked at no longer exists."""
    SOURCE = "source"
    """A source went out of date, or is current again."""


class Notice(Model):
    """The data of a server-sent event. It only says that something is new: who wants to know asks for it."""

    kind: ChangeKind
    revision: int
    id: str | None = None
    """Of the search, for ``search`` and ``gone``."""
