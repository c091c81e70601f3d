"""Slim records of API objects: only what the store needs of each, so that thousands stay small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from evonas.search.codec import SearchIdentity
from evonas.search.trial import Trial
from evonas.search.trial_report import MAX_MESSAGE_BYTES
from evonas.workloads.catalogue import kind_named


@dataclass(frozen=True)
class AttemptName:
    """Which attempt an object belongs to."""

    search_uid: str
    index: int
    attempt: int


class Versioned(Protocol):
    """Any object at one moment."""

    @property
    def uid(self) -> str:
        """Distinguishes an object from a successor of the same name."""

    @property
    def version(self) -> int:
        """Larger is newer, within one kind."""

    @property
    def namespace(self) -> str:
        """Its namespace and name."""


R = TypeVar("R", bound=Versioned)


@dataclass(frozen=True)
class SearchRecord:
    """An ArchitectureSearch."""

    namespace: str
    name: str
    uid: str
    version: int
    generation: int
    deleting: bool
    manifest: Mapping[str, Any]
    status: Mapping[str, Any]
    queue_labels: Mapping[str, str] = field(default_factory=dict)
    """Kueue's labels, for each Job."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Users' marks on its trials (``search.interventions``)."""
    labels: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    """When it was created, as the API server writes it: what sorts later is later."""

    @property
    def identity(self) -> SearchIdentity:
        """Name, UID and namespace."""
        return SearchIdentity(self.name, self.uid, self.namespace)


@dataclass(frozen=True)
class TrialRecord:
    """An ArchitectureTrial."""

    namespace: str
    name: str
    uid: str
    version: int
    search_uid: str
    created: datetime
    trial: Trial


NEVER = datetime.max.replace(tzinfo=UTC)
"""Later than any time that is known: it stands for one that is not."""
FINAL_PHASES = ("Succeeded", "Failed")
"""Phases of a pod whose containers have all ended for good."""
PLAIN_JOB = "Job"
"""The kind of an attempt whose only pod is that of a template."""


@dataclass(frozen=True)
class WorkloadRecord:
    """What makes the pods of one attempt: a Job, or a workload of another kind."""

    namespace: str
    name: str
    uid: str
    version: int
    search_uid: str
    index: int
    attempt: int
    created: datetime
    owner_uid: str | None
    deleting: bool
    suspended: bool
    complete: bool
    failed: bool
    reason: str
    message: str
    ended: datetime | None
    released: bool
    """True once its time to live is set."""
    queue: str = ""
    """The queue that decides when it may run; empty if there is none."""
    fingerprint: str | None = None
    """What it was built from (``search.reuse``)."""
    pod_seconds: int | None = None
    """How long each pod of a Job may run."""
    kind: str = PLAIN_JOB
    """The kind's name (``workloads.catalogue``), or that of a Job with a single pod."""
    expires: datetime | None = None
    """When the operator is to delete it; None where its time to live does that."""
    begun: datetime | None = None
    """When the training began, and the code that it failed with, of a kind that tells (``workloads.interface``)."""
    exit_code: int | None = None
    shape: str | None = None
    """Which pods it makes (``workloads.shape``)."""

    @property
    def is_finished(self) -> bool:
        """Say whether none of its pods runs or will run."""
        return self.complete or self.failed

    @property
    def noun(self) -> str:
        """The kind under which people find it in the cluster."""
        return PLAIN_JOB if self.kind == PLAIN_JOB else kind_named(self.kind).kind

    @property
    def suspension(self) -> str:
        """Say what it waits for while it is suspended."""
        if self.queue:
            return f"waits for admission by queue {self.queue}"
        return f"its {self.noun} is suspended, and goes on once its spec.suspend is false"

    @property
    def trains_in_container(self) -> bool:
        """Say whether its training is what a container runs (``workloads.interface``)."""
        return self.kind == PLAIN_JOB or kind_named(self.kind).trains_in_container

    @property
    def is_open(self) -> bool:
        """Say whether anything is left to do for it."""
        return not (self.deleting or (self.is_finished and self.released and self.expires is None))


@dataclass(frozen=True)
class ContainerState:
    """The state of one container; exactly one of waiting, running, terminated holds."""

    waiting: str | None = None
    """Why it is waiting, in one word."""
    message: str = ""
    started: datetime | None = None
    exit_code: int | None = None
    reason: str = ""
    finished: datetime | None = None
    ready: bool = True
    """False where it runs, but its startup probe has not succeeded."""
    last: ContainerState | None = None
    """How it ended before it was started again."""


@dataclass(frozen=True)
class PodRecord:
    """A pod of one attempt."""

    namespace: str
    name: str
    uid: str
    version: int
    search_uid: str
    index: int
    attempt: int
    created: datetime
    owner_uid: str | None
    """UID of the object that created it: a Job, or of Ray's pods a cluster."""
    deletion: datetime | None
    """When its deletion, once requested, is enforced."""
    node: str | None
    phase: str
    reason: str
    message: str
    scheduled: datetime | None
    """When it was scheduled."""
    unschedulable: str | None
    """Why it could not be scheduled, in the scheduler's words."""
    gated: bool
    """True while a scheduling gate holds it back."""
    disrupted: str | None
    """Why it was ended from outside (preemption, eviction, drain), in one word."""
    disruption_message: str
    annotations: Mapping[str, str]
    containers: Mapping[str, ContainerState]
    init_containers: Mapping[str, ContainerState] = field(default_factory=dict)
    """In start order; those that keep running beside the others are ``sidecars``."""
    sidecars: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    """Those that its engine, or the user, has given it."""
    is_labelled: bool = True
    """Whether it has our labels; if not, it was found by the name of its workload."""
    message_limit: int = MAX_MESSAGE_BYTES
    """How many bytes of a termination message are kept."""
    disrupted_at: datetime | None = None
    """When that began; its containers are given time to end."""
    terminated: datetime | None = None
    """When its conditions changed last, of one whose phase is final; its containers may not tell their ends."""
    gone: bool = False
    """True once it is deleted; the record is its last state."""
    gone_at: datetime | None = None
    """When that was seen."""
    is_former: bool = False
    """Whether that was before its attempt's workload, as it is there now, was made: it was another one's."""

    @property
    def is_terminal(self) -> bool:
        """Say whether all its containers have ended for good."""
        return self.phase in FINAL_PHASES

    @property
    def is_deleted(self) -> bool:
        """Say whether it is gone or going."""
        return self.gone or self.deletion is not None

    def is_over(self, container: str) -> bool:
        """Say whether that container no longer runs and never will."""
        state = self.containers.get(container)
        return self.gone or self.is_terminal or (state is not None and state.exit_code is not None)
