"""What the object of any attempt has, a Job or a workload: its metadata, and what is added to its pods. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evonas.search.codec import SearchIdentity, owner_reference
from evonas.search.names import (
    ATTEMPT_LABEL,
    FINGERPRINT_LABEL,
    INDEX_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    QUEUE_LABEL,
    SEARCH_LABEL,
    SEARCH_UID_LABEL,
    TRIAL_LABEL,
)
from evonas.search.reuse import fingerprint_of
from evonas.search.trial import Trial
from evonas.search.trial_environment import literal_env, trial_environment
from evonas.spec import SearchSpec
from evonas.variables import POD_VARIABLES
from evonas.workloads.interface import Change

QueueLabels = Mapping[str, str] | None


def metadata_of(
    search: SearchIdentity, spec: SearchSpec, trial: Trial, trial_uid: str, name: str, queue_labels: QueueLabels
) -> dict[str, Any]:
    """Return the metadata of the object of the trial's current attempt."""
    return {
        "name": name,
        "namespace": search.namespace,
        # The queue counts this object, not its pods: their templates do not carry the queue's labels.
        "labels": {
            **_labels(search, trial),
            FINGERPRINT_LABEL: fingerprint_of(spec, trial.decisions),
            **(queue_labels or {}),
        },
        "ownerReferences": [owner_reference("ArchitectureTrial", search.trial_name(trial.index), trial_uid)],
    }


def change_of(
    search: SearchIdentity,
    spec: SearchSpec,
    trial: Trial,
    service_account: str | None,
    *,
    more_variables: Mapping[str, str] | None = None,
    fields: frozenset[str] = frozenset(),
) -> Change:
    """Return what the trial's current attempt adds to each of its pods."""
    variables = {**trial_environment(search, spec, trial), **(more_variables or {})}
    return Change(
        labels=_labels(search, trial),
        env=(*literal_env(variables), *_POD_IDENTITY),
        container=spec.trial.container,
        service_account=service_account,
        fields=fields,
    )


def is_queued(queue_labels: QueueLabels) -> bool:
    """Say whether a queue decides when the object may run: it is made suspended then."""
    return bool(queue_labels and queue_labels.get(QUEUE_LABEL))


def _labels(search: SearchIdentity, trial: Trial) -> dict[str, str]:
    return {
        MANAGED_BY_LABEL: MANAGED_BY,
        SEARCH_LABEL: search.name,
        SEARCH_UID_LABEL: search.uid,
        TRIAL_LABEL: search.trial_name(trial.index),
        INDEX_LABEL: str(trial.index),
        ATTEMPT_LABEL: str(trial.current_attempt),
    }


_POD_IDENTITY: tuple[dict[str, Any], ...] = tuple(
    {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in POD_VARIABLES.items()
)
"""The variables by which a container knows its own pod."""
