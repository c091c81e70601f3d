"""The Job of one attempt, from the user's template (the Job API's own reference). Pure."""

from __future__ import annotations

from typing import Any

from evonas.cluster.control.attempt_objects import QueueLabels, change_of, is_queued, metadata_of
from evonas.search.codec import SearchIdentity
from evonas.search.names import INFEASIBLE_EXIT_CODE, job_name
from evonas.search.trial import Trial
from evonas.spec import SearchSpec
from evonas.workloads.interface import Change
from evonas.workloads.pods import keep_last_words, with_change


def build_job(
    search: SearchIdentity,
    spec: SearchSpec,
    trial: Trial,
    trial_uid: str,
    *,
    service_account: str | None,
    queue_labels: QueueLabels = None,
) -> dict[str, Any]:
    """Return the Job of the trial's current attempt.

    ``service_account`` is used if the template names none. The time to live is left unset: the Job must stay until its
    result is recorded. With a queue among ``queue_labels`` the Job is created suspended; from then on only the queue
    lifts or sets the suspension.
    """
    name = job_name(search.trial_name(trial.index), trial.current_attempt)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata_of(search, spec, trial, trial_uid, name, queue_labels),
        "spec": {
            **({"suspend": True} if is_queued(queue_labels) else {}),
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
            "template": _template(spec, change_of(search, spec, trial, service_account)),
        },
    }


def _template(spec: SearchSpec, change: Change) -> dict[str, Any]:
    template = with_change(spec.trial.template, change)
    pod = template["spec"]
    pod["restartPolicy"] = "Never"
    # The pod's deadline, not the Job's, which also counts the time in which a pod waits for a node or is replaced.
    pod["activeDeadlineSeconds"] = spec.trial.attempt_seconds
    # Init containers are kept as written: only the API server validates them.
    listed = pod.get("initContainers")
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict):
            keep_last_words(item)
    return template
