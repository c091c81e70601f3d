"""Slim records of API objects: only what the store needs of each, so that thousands stay small."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from sys import intern
from typing import Any, Protocol, TypeVar

from evonas.search.codec import SearchIdentity, from_object, from_time
from evonas.search.interventions import MARK_ANNOTATIONS
from evonas.search.names import (
    ATTEMPT_LABEL,
    EXPIRY_ANNOTATION,
    FINGERPRINT_LABEL,
    INDEX_LABEL,
    INFEASIBLE_ANNOTATION,
    METRICS_ANNOTATION,
    PREFIX,
    PROGRESS_ANNOTATION,
    QUEUE_LABEL,
    QUEUE_LABELS,
    REWARD_ANNOTATION,
    SEARCH_UID_LABEL,
)
from evonas.search.trial import Trial
from evonas.search.trial_report import MAX_MESSAGE_BYTES, message_limit
from evonas.workloads.catalogue import find_kind, kind_named
from evonas.workloads.conditions import job_standing
from evonas.workloads.shape import shape_of

logger = logging.getLogger(__name__)

MAX_TEXT = 16_384
"""Longest annotation or message kept; a trial may write more, which we need not hold."""


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


_FINAL = ("Succeeded", "Failed")
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
    """Whether that was before its attempt's workload, as it is there now, was known: it was another one's."""

    @property
    def is_terminal(self) -> bool:
        """Say whether all its containers have ended for good."""
        return self.phase in _FINAL

    @property
    def is_deleted(self) -> bool:
        """Say whether it is gone or going."""
        return self.gone or self.deletion is not None

    def is_over(self, container: str) -> bool:
        """Say whether that container no longer runs and never will."""
        state = self.containers.get(container)
        return self.gone or self.is_terminal or (state is not None and state.exit_code is not None)


def read_search(body: Mapping[str, Any]) -> SearchRecord:
    """Return the record of an ArchitectureSearch."""
    metadata = body["metadata"]
    labels = metadata.get("labels", {})
    return SearchRecord(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        version=int(metadata["resourceVersion"]),
        generation=metadata["generation"],
        deleting="deletionTimestamp" in metadata,
        manifest={
            "apiVersion": body.get("apiVersion"),
            "kind": body.get("kind"),
            "metadata": {"name": metadata["name"]},
            "spec": body["spec"],
        },
        status=body.get("status", {}),
        queue_labels={key: labels[key] for key in QUEUE_LABELS if key in labels},
        annotations={
            key: value for key, value in metadata.get("annotations", {}).items() if key.startswith(MARK_ANNOTATIONS)
        },
        labels=labels,
        created=metadata.get("creationTimestamp", ""),
    )


def read_trial(body: Mapping[str, Any]) -> TrialRecord:
    """Return the record of an ArchitectureTrial."""
    metadata = body["metadata"]
    return TrialRecord(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        version=int(metadata["resourceVersion"]),
        search_uid=body["spec"]["searchRef"]["uid"],
        created=_time(metadata["creationTimestamp"]),
        trial=from_object(body),
    )


def read_workload(body: Mapping[str, Any]) -> WorkloadRecord:
    """Return the record of a Job or workload of ours; KeyError or ValueError if the labels are not ours."""
    metadata, spec = body["metadata"], body["spec"]
    kind = find_kind(body.get("apiVersion", "batch/v1"), body.get("kind", "Job"))
    if kind is None or (kind.kind == "Job" and spec.get("completionMode") != "Indexed"):
        name, standing = PLAIN_JOB, job_standing(body)
    else:
        name, standing = kind.name, kind.read(body)
    expires = from_time(metadata.get("annotations", {}).get(EXPIRY_ANNOTATION))
    return WorkloadRecord(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        version=int(metadata["resourceVersion"]),
        **_labels(metadata),
        created=_time(metadata["creationTimestamp"]),
        owner_uid=controller_of(metadata),
        deleting="deletionTimestamp" in metadata,
        suspended=standing.suspended,
        complete=standing.complete,
        failed=standing.failed,
        reason=standing.reason,
        message=standing.message,
        ended=standing.ended,
        released=standing.released or expires is not None,
        queue=metadata["labels"].get(QUEUE_LABEL, ""),
        fingerprint=metadata["labels"].get(FINGERPRINT_LABEL),
        pod_seconds=spec.get("template", {}).get("spec", {}).get("activeDeadlineSeconds")
        if name == PLAIN_JOB
        else None,
        kind=name,
        expires=expires,
        begun=standing.begun,
        exit_code=standing.exit_code,
        shape=shape_of(spec),
    )


def read_pod(body: Mapping[str, Any], attempt: AttemptName | None = None) -> PodRecord:
    """Return the record of a pod of ours; KeyError or ValueError if the labels are not ours.

    ``attempt`` is whose pod it is, where its labels do not say so.
    """
    metadata, status = body["metadata"], body.get("status", {})
    conditions = {item["type"]: item for item in status.get("conditions", ())}
    scheduled = conditions.get("PodScheduled", {})
    disruption = conditions.get("DisruptionTarget", {})
    is_disrupted = disruption.get("status") == "True"
    annotations = metadata.get("annotations", {})
    reported = (REWARD_ANNOTATION, METRICS_ANNOTATION, INFEASIBLE_ANNOTATION, PROGRESS_ANNOTATION)
    return PodRecord(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        version=int(metadata["resourceVersion"]),
        **(_labels(metadata) if attempt is None else vars(attempt)),
        created=_time(metadata["creationTimestamp"]),
        owner_uid=controller_of(metadata),
        deletion=from_time(metadata.get("deletionTimestamp")),
        node=body["spec"].get("nodeName"),
        phase=status.get("phase", "Pending"),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        scheduled=from_time(scheduled.get("lastTransitionTime")) if scheduled.get("status") == "True" else None,
        unschedulable=scheduled.get("message", "") if scheduled.get("status") == "False" else None,
        gated=scheduled.get("reason") == "SchedulingGated",
        disrupted=disruption.get("reason", "Disrupted") if is_disrupted else None,
        disruption_message=disruption.get("message", ""),
        annotations={key: annotations[key][:MAX_TEXT] for key in reported if key in annotations},
        containers={item["name"]: _with_last(item) for item in status.get("containerStatuses", ())},
        init_containers={item["name"]: _init_container(item) for item in status.get("initContainerStatuses", ())},
        sidecars=frozenset(
            item["name"] for item in body["spec"].get("initContainers", ()) if item.get("restartPolicy") == "Always"
        ),
        # Shared: the pods of a workload have the same dozen labels, most with the same values.
        labels={
            intern(key): intern(value)
            for key, value in metadata["labels"].items()
            if not key.startswith(_NOT_OF_THE_ENGINE)
        },
        is_labelled=attempt is None,
        message_limit=message_limit(body["spec"]),
        disrupted_at=from_time(disruption.get("lastTransitionTime")) if is_disrupted else None,
        terminated=_last_transition(conditions.values()) if status.get("phase") in _FINAL else None,
    )


def read_or_skip(read: Callable[[Mapping[str, Any]], R | None], body: Mapping[str, Any]) -> R | None:
    """Return the record of an object; None for one that is not, with a log line if it carries our label by mistake."""
    try:
        return read(body)
    except (KeyError, ValueError, TypeError) as error:
        metadata = body.get("metadata", {})
        name = f"{metadata.get('namespace')}/{metadata.get('name')}"
        logger.info("%s %s is not ours: %r", body.get("kind"), name, error)
        return None


_NOT_OF_THE_ENGINE = (
    f"{PREFIX}/",
    *("app.kubernetes.io/managed-by", "controller-uid", "job-name"),
    *("batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"),
)
"""Labels of a pod that say what is known of it otherwise."""


def _last_transition(conditions: Iterable[Mapping[str, Any]]) -> datetime | None:
    moments = (from_time(item.get("lastTransitionTime")) for item in conditions)
    return max((moment for moment in moments if moment is not None), default=None)


def _init_container(status: Mapping[str, Any]) -> ContainerState:
    return replace(_with_last(status), ready=status.get("started", True))


def _with_last(status: Mapping[str, Any]) -> ContainerState:
    state, last = _container(status.get("state", {})), status.get("lastState", {}).get("terminated")
    return state if last is None else replace(state, last=_container({"terminated": last}))


def _container(state: Mapping[str, Any]) -> ContainerState:
    if (terminated := state.get("terminated")) is not None:
        return ContainerState(
            message=terminated.get("message", "")[:MAX_TEXT],
            started=_begun(terminated.get("startedAt")),
            exit_code=terminated["exitCode"],
            reason=terminated.get("reason", ""),
            finished=from_time(terminated.get("finishedAt")),
        )
    if (running := state.get("running")) is not None:
        return ContainerState(started=from_time(running.get("startedAt")))
    waiting = state.get("waiting", {})
    return ContainerState(waiting=waiting.get("reason", "Waiting"), message=waiting.get("message", ""))


def _begun(text: str | None) -> datetime | None:
    # A program that the runtime could not execute began, as it says, in 1970.
    moment = from_time(text)
    return None if moment is None or moment.timestamp() <= 0 else moment


def controller_of(metadata: Mapping[str, Any]) -> str | None:
    """Return the UID of the object that controls this one; None if there is none."""
    return next((item["uid"] for item in metadata.get("ownerReferences", ()) if item.get("controller")), None)


def _labels(metadata: Mapping[str, Any]) -> dict[str, Any]:
    labels = metadata["labels"]
    return {
        "search_uid": labels[SEARCH_UID_LABEL],
        "index": int(labels[INDEX_LABEL]),
        "attempt": int(labels[ATTEMPT_LABEL]),
    }


def _time(text: str) -> datetime:
    moment = from_time(text)
    assert moment is not None
    return moment
