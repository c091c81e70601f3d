"""From the API server's objects to slim records of them. Pure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from sys import intern
from typing import Any

from evonas.cluster.state.records import (
    FINAL_PHASES,
    PLAIN_JOB,
    AttemptName,
    ContainerState,
    PodRecord,
    R,
    SearchRecord,
    TrialRecord,
    WorkloadRecord,
)
from evonas.search.codec import from_object, from_time
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
from evonas.search.trial_report import message_limit
from evonas.workloads.catalogue import find_kind
from evonas.workloads.conditions import job_standing
from evonas.workloads.shape import shape_of

logger = logging.getLogger(__name__)

MAX_TEXT = 16_384
"""Longest annotation or message kept; a trial may write more, which we need not hold."""


def read_search(body: Mapping[str, Any]) -> SearchRecord:
    """Return the record of an ArchitectureSearch."""
    metadata = body["metadata"]
    labels = metadata.get("labels", {})
    return SearchRecord(
        **_identity(metadata),
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
        **_identity(metadata),
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
        **_identity(metadata),
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
        **_identity(metadata),
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
        terminated=_last_transition(conditions.values()) if status.get("phase") in FINAL_PHASES else None,
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


def _identity(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "version": int(metadata["resourceVersion"]),
    }


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
