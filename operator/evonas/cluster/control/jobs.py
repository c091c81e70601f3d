"""The Job of one attempt, from the user's template (the Job API's own reference). Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from evonas.search.codec import SearchIdentity, owner_reference
from evonas.search.names import (
    ATTEMPT_LABEL,
    FINGERPRINT_LABEL,
    INDEX_LABEL,
    INFEASIBLE_EXIT_CODE,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    QUEUE_LABEL,
    SEARCH_LABEL,
    SEARCH_UID_LABEL,
    TRIAL_LABEL,
    job_name,
)
from evonas.search.reuse import fingerprint_of
from evonas.search.trial import Trial
from evonas.search.trial_environment import literal_env, trial_environment
from evonas.spec import SearchSpec
from evonas.variables import POD_VARIABLES


def build_job(
    search: SearchIdentity,
    spec: SearchSpec,
    trial: Trial,
    trial_uid: str,
    *,
    service_account: str | None,
    queue_labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the Job of the trial's current attempt.

    ``service_account`` is used if the template names none. The time to live is left unset: the Job must stay until its
    result is recorded. With a queue among ``queue_labels`` the Job is created suspended; from then on only the queue
    lifts or sets the suspension.
    """
    name = search.trial_name(trial.index)
    labels = labels_of(search, trial)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(name, trial.current_attempt),
            "namespace": search.namespace,
            # The queue counts the Job, not its pods: the pod template does not carry the queue's labels.
            "labels": {
                **labels,
                FINGERPRINT_LABEL: fingerprint_of(spec, trial.decisions),
                **(queue_labels or {}),
            },
            "ownerReferences": [owner_reference("ArchitectureTrial", name, trial_uid)],
        },
        "spec": {
            **({"suspend": True} if queue_labels and queue_labels.get(QUEUE_LABEL) else {}),
            # The search itself retries, with a separate Job per attempt, so that each attempt is counted once.
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": spec.trial.container,
                            "operator": "In",
                            "values": [INFEASIBLE_EXIT_CODE],
                        },
                    },
                ]
            },
            "template": _template(search, spec, trial, labels, service_account),
        },
    }


def labels_of(search: SearchIdentity, trial: Trial) -> dict[str, str]:
    """Return the labels that tell which attempt an object belongs to."""
    return {
        MANAGED_BY_LABEL: MANAGED_BY,
        SEARCH_LABEL: search.name,
        SEARCH_UID_LABEL: search.uid,
        TRIAL_LABEL: search.trial_name(trial.index),
        INDEX_LABEL: str(trial.index),
        ATTEMPT_LABEL: str(trial.current_attempt),
    }


def _template(
    search: SearchIdentity, spec: SearchSpec, trial: Trial, labels: Mapping[str, str], service_account: str | None
) -> dict[str, Any]:
    template = copy.deepcopy(dict(spec.trial.template))
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    pod = template["spec"]
    pod["restartPolicy"] = "Never"
    # The pod's deadline, not the Job's, which also counts the time in which a pod waits for a node or is replaced.
    pod["activeDeadlineSeconds"] = spec.trial.attempt_seconds
    if service_account is not None:
        pod.setdefault("serviceAccountName", service_account)
    container = next(item for item in pod["containers"] if item["name"] == spec.trial.container)
    told = [*literal_env(trial_environment(search, spec, trial)), *POD_IDENTITY]
    names = {variable["name"] for variable in told}
    # Ours come first, so that the user's variables may refer to them.
    container["env"] = [*told, *(item for item in container.get("env") or () if item.get("name") not in names)]
    for listed in (pod["containers"], pod.get("initContainers")):
        # Init containers are kept as written: only the API server validates them.
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, dict):
                # A crash without a termination message then still shows its last output.
                item.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
    return template


POD_IDENTITY: tuple[dict[str, Any], ...] = tuple(
    {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in POD_VARIABLES.items()
)
"""The variables by which a container knows its own pod."""
