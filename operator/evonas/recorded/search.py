"""A search as recorded by a cluster, a local run's journal or an export file. Pure. ``evonas.sources`` reads it; the
command-line tools know nothing else about a search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from evonas.agents import Experience
from evonas.errors import EvonasError, InvalidManifest
from evonas.recorded.knowledge_record import Knowledge, UnusableKnowledge, experience_of, why_unused
from evonas.search.budget import most_trials
from evonas.search.codec import SearchIdentity, from_time
from evonas.search.conditions import find_condition
from evonas.search.contradictions import find_contradiction
from evonas.search.status import count_states
from evonas.search.totals import Totals
from evonas.search.trial import Trial
from evonas.spec import SearchSpec

_MANIFEST = ("apiVersion", "kind", "metadata", "spec")


class Phase(StrEnum):
    """Where a search stands."""

    PENDING = "Pending"
    """No operator has processed it yet."""
    REFUSED = "Refused"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    STOPPED = "Stopped"
    """Unfinished, and no process works on it: an interrupted local run."""
    COMPLETE = "Complete"
    FAILED = "Failed"

    @property
    def is_over(self) -> bool:
        """Return whether no more trials will come."""
        return self in (Phase.COMPLETE, Phase.FAILED)

    @property
    def is_at_rest(self) -> bool:
        """Return whether nothing works on it: it is over, was refused, or was stopped."""
        return self.is_over or self in (Phase.REFUSED, Phase.STOPPED)


@dataclass(frozen=True)
class RecordedSearch:
    """The record of one search at one point in time."""

    source: str
    """Where it was read from, for display: a path, or ``namespace/name``."""
    body: Mapping[str, Any]
    """The ArchitectureSearch object."""
    trials: tuple[Trial, ...]
    """By index."""
    phase: Phase
    images: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Digests under which the trials' images were pulled, if known."""
    knowledge: Knowledge | None = None
    """What its agent knew from earlier searches; None if nothing was gathered."""
    knowledge_problem: str = ""
    """Why that could not be read, where it could not."""

    def __post_init__(self) -> None:
        """EvonasError for a trial that nobody can have recorded so."""
        for trial in self.trials:
            if problem := find_contradiction(trial):
                raise EvonasError(f"{self.source}: trial {trial.index}: {problem}; restore the record from a copy")

    @cached_property
    def spec(self) -> SearchSpec:
        """The search's declaration; InvalidManifest if it is invalid."""
        return SearchSpec.parse(manifest_of(self.body))

    @property
    def experience(self) -> Experience:
        """What its agent knew before its first proposal; UnusableKnowledge if that should be recorded, and is not."""
        if self.lacking is not None:
            raise UnusableKnowledge(self.lacking)
        return experience_of(self.knowledge)

    @property
    def lacking(self) -> str | None:
        """Why what its agent knew from earlier searches is missing; None if it is there, or there was nothing."""
        if self.knowledge is not None or not self.trials or "knowledge" not in self.body["spec"]:
            return None
        with suppress(InvalidManifest):
            # What there is of a search that this version does not accept can be exported, too.
            if why_unused(self.spec) is not None:
                return None
        why = self.knowledge_problem or "no proposal follows without it; restore the record from a copy"
        return (
            f"{self.source} has trials, but no record of what its agent knew from earlier searches (spec.knowledge):"
            f" {why}"
        )

    @property
    def learned_from(self) -> str:
        """From which earlier searches its agent has learned, in a sentence; empty if it was to learn from none."""
        message: str = self.body.get("status", {}).get("knowledge", {}).get("message", "")
        return message or ("" if self.knowledge is None else self.knowledge.summary)

    @property
    def identity(self) -> SearchIdentity:
        """Name, UID and namespace."""
        metadata = self.body["metadata"]
        return SearchIdentity(metadata["name"], metadata["uid"], metadata.get("namespace"))

    @property
    def start_time(self) -> datetime | None:
        """When it was made."""
        return from_time(self.body["metadata"].get("creationTimestamp"))

    @property
    def last_end(self) -> datetime | None:
        """When its last trial ended; None before one has."""
        return max((trial.completion_time for trial in self.trials if trial.completion_time is not None), default=None)

    @property
    def environments(self) -> Sequence[Mapping[str, Any]]:
        """Which versions proposed which trials (``search.software_versions``); empty if that was not recorded."""
        noted: Sequence[Mapping[str, Any]] = self.body.get("status", {}).get("environments", ())
        return noted

    @cached_property
    def totals(self) -> Totals:
        """The trials, summed up."""
        return Totals(self.spec.objectives, self.trials)

    @property
    def uses_gpus(self) -> bool:
        """Whether its trials ask for GPUs now, or some have had one."""
        return self.spec.trial.gpus > 0 or self.totals.gpu_seconds > 0

    @property
    def overview(self) -> Overview:
        """The search on one line."""
        return overview_from(self.body, self.spec, self.totals, self.phase)

    def trial(self, index: int) -> Trial | None:
        """Return one trial; None if the record has none with that index."""
        return self._by_index.get(index)

    @cached_property
    def _by_index(self) -> dict[int, Trial]:
        return {trial.index: trial for trial in self.trials}


@dataclass(frozen=True)
class Overview:
    """A search on one line."""

    namespace: str
    name: str
    phase: Phase
    agent: str
    counts: Mapping[str, int]
    """As ``count_states`` returns them; empty before anything was counted."""
    max_trials: int
    best: float | None
    best_index: int | None
    gpu_seconds: int
    metric: str
    reused: int
    start_time: datetime | None
    """When it was made."""
    front_size: int | None = None
    """How many trials are on the front; None with a single objective."""
    hypervolume: float | None = None
    """Of the front, at most what a float holds; None with a single objective, and before the first result."""
    more_metrics: tuple[str, ...] = ()
    """Those of its other objectives."""


def overview_from(body: Mapping[str, Any], spec: SearchSpec, totals: Totals, phase: Phase) -> Overview:
    """Return the line about an ArchitectureSearch from what its trials add up to."""
    best = totals.best
    return Overview(
        namespace=body["metadata"].get("namespace") or "",
        name=body["metadata"]["name"],
        phase=phase,
        agent=spec.agent.type,
        counts=count_states(totals),
        max_trials=most_trials(spec, totals),
        best=None if best is None else best.reward,
        best_index=None if best is None else best.index,
        gpu_seconds=totals.gpu_seconds,
        metric=spec.objective.name,
        reused=totals.reused,
        start_time=from_time(body["metadata"].get("creationTimestamp")),
        front_size=len(totals.front) if spec.has_several else None,
        hypervolume=totals.front.finite_hypervolume if totals.front.reference else None,
        more_metrics=tuple(objective.name for objective in spec.objectives[1:]),
    )


def manifest_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object without what was observed about it: as ``SearchSpec.parse`` takes it."""
    return {key: body[key] for key in _MANIFEST if key in body}


def phase_of(status: Mapping[str, Any]) -> Phase:
    """Derive the phase from an ArchitectureSearch's status."""
    for condition, value, phase in (
        ("Complete", "True", Phase.COMPLETE),
        ("Failed", "True", Phase.FAILED),
        ("Accepted", "False", Phase.REFUSED),
        ("Suspended", "True", Phase.SUSPENDED),
        ("Accepted", "True", Phase.RUNNING),
    ):
        found = find_condition(status, condition)
        if found is not None and found["status"] == value:
            return phase
    return Phase.PENDING


def overview_of(body: Mapping[str, Any]) -> Overview:
    """Return the line about an ArchitectureSearch from its status alone, without its trials."""
    status, spec = body.get("status", {}), body["spec"]
    best, front = status.get("best", {}), status.get("front", {})
    size = status.get("agent", {}).get("spaceSize")
    max_trials = spec.get("budget", {}).get("maxTrials", 0)
    return Overview(
        namespace=body["metadata"].get("namespace", ""),
        name=body["metadata"]["name"],
        phase=phase_of(status),
        agent=spec.get("agent", {}).get("type", ""),
        counts=status.get("trials", {}),
        max_trials=max_trials if size is None else min(max_trials, int(size)),
        best=float(best["reward"]) if best else None,
        best_index=best.get("index"),
        gpu_seconds=status.get("gpuSeconds", 0),
        metric=_first_objective(spec).get("metric", "reward"),
        reused=status.get("reusedTrials", 0),
        start_time=from_time(body["metadata"].get("creationTimestamp")),
        front_size=int(front.get("size", 0)) if "objectives" in spec else None,
        hypervolume=float(front["hypervolume"]) if "hypervolume" in front else None,
        more_metrics=tuple(objective.get("metric", "") for objective in spec.get("objectives", ())[1:]),
    )


def _first_objective(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    first: Mapping[str, Any] = next(iter(spec.get("objectives", ())), spec.get("objective", {}))
    return first
