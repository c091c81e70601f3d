"""``batch/v1`` Job with ``completionMode: Indexed``: as many pods as it has completions, each with its number.

Kubernetes' own controller runs it, so there is nothing to install: enough for ``torchrun`` with a headless Service. Its
failure policies (``backoffLimit``, ``backoffLimitPerIndex``, ``podFailurePolicy``) are kept as written.
Reference: Kubernetes, Jobs, completion mode; Job failure conditions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evonas.errors import FieldProblem
from evonas.workloads.conditions import job_standing
from evonas.workloads.interface import FIELD, KUBERNETES, NAME_LENGTH, Change, Kind, Place, PodGroup, Standing
from evonas.workloads.pods import job_problems, pods_of_job, with_change

INDEX_LABEL = "batch.kubernetes.io/job-completion-index"
GROUP = "pods"
_REPLACE_DISRUPTED = {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]}


class IndexedJob(Kind):
    """Kubernetes' own Job, with several pods."""

    api_version = "batch/v1"
    kind = "Job"
    plural = "jobs"
    engine = KUBERNETES

    @property
    def name(self) -> str:
        """The kind's name alone would be that of the Job of a single pod."""
        return "IndexedJob"

    def problems(self, spec: Mapping[str, Any]) -> Iterator[FieldProblem]:
        """Name what is missing or not supported."""
        if "completionMode" not in spec:
            said = "must be Indexed: for a single pod, use spec.trial.template instead of a workload"
            yield FieldProblem(f"{FIELD}.completionMode", said)
        if "ttlSecondsAfterFinished" in spec:
            said = "is set by the search, see spec.trial.ttlSecondsAfterFinished; remove it"
            yield FieldProblem(f"{FIELD}.ttlSecondsAfterFinished", said)
        yield from job_problems(spec, FIELD)

    def groups(self, spec: Mapping[str, Any]) -> tuple[PodGroup, ...]:
        """Return its only group."""
        return (PodGroup(GROUP, pods_of_job(spec), spec["template"], f"{FIELD}.template"),)

    def reporter(self, spec: Mapping[str, Any]) -> Place:
        """Return the pod with index 0: rank 0 of ``torchrun``."""
        return Place(GROUP, 0)

    def longest_name(self, spec: Mapping[str, Any]) -> int:
        """Return what leaves room for the host name of the pod with the largest index."""
        return NAME_LENGTH - len(f"-{pods_of_job(spec) - 1}")

    def build(self, spec: Mapping[str, Any], change: Change) -> dict[str, Any]:
        """Return the Job's spec. Where it says nothing of failures, a disrupted pod is replaced, and any other failure
        ends the Job: the search retries, or makes it again if that was because of a disruption.
        """
        count = pods_of_job(spec)
        template = with_change(spec["template"], change)
        policy = {"podFailurePolicy": _REPLACE_DISRUPTED} if template["spec"]["restartPolicy"] == "Never" else {}
        usual = {"backoffLimit": 0, "podReplacementPolicy": "Failed", **policy}
        return {**usual, **spec, "completions": count, "parallelism": count, "template": template}

    def read(self, body: Mapping[str, Any]) -> Standing:
        """Return where the Job stands."""
        return job_standing(body)

    def place(self, labels: Mapping[str, str]) -> Place | None:
        """Return a pod's place by its index."""
        return Place(GROUP, int(labels[INDEX_LABEL])) if INDEX_LABEL in labels else None
