"""``jobset.x-k8s.io`` JobSet: groups of Jobs that start, restart and end together, with stable host names.

Its success, failure and startup policies are kept as written: a restart of the whole by its failure policy is a
disruption of the trial's attempt, the end of its restarts a failure.
Reference: JobSet API v1alpha2; labels of pods in its documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evonas.errors import FieldProblem
from evonas.workloads.conditions import standing_of
from evonas.workloads.indexed_job import INDEX_LABEL
from evonas.workloads.interface import FIELD, NAME_LENGTH, Change, Kind, Place, PodGroup, Standing
from evonas.workloads.pods import count_problems, job_problems, pods_of_job, with_change

GROUP_LABEL = "jobset.sigs.k8s.io/replicatedjob-name"
JOB_LABEL = "jobset.sigs.k8s.io/job-index"
RESTART_LABEL = "jobset.sigs.k8s.io/restart-attempt"
SUFFIX_OF_A_POD = len("-xxxxx")


class JobSet(Kind):
    """A set of Jobs."""

    api_version = "jobset.x-k8s.io/v1alpha2"
    kind = "JobSet"
    plural = "jobsets"
    engine = "JobSet"
    uid_label = "jobset.sigs.k8s.io/jobset-uid"

    def problems(self, spec: Mapping[str, Any]) -> Iterator[FieldProblem]:
        """Name what cannot be read."""
        listed = spec.get("replicatedJobs")
        if not isinstance(listed, list) or not listed:
            yield FieldProblem(f"{FIELD}.replicatedJobs", "must be a list of one group or more")
            return
        if "ttlSecondsAfterFinished" in spec:
            said = "is set by the search, see spec.trial.ttlSecondsAfterFinished; remove it"
            yield FieldProblem(f"{FIELD}.ttlSecondsAfterFinished", said)
        problems = [
            problem
            for position, group in enumerate(listed)
            for problem in _group_problems(group, f"{FIELD}.replicatedJobs[{position}]")
        ]
        yield from problems
        if not problems:
            yield from _name_problems(listed)
            yield from _coordinator_problems(spec)

    def groups(self, spec: Mapping[str, Any]) -> tuple[PodGroup, ...]:
        """Return a group for each replicated Job."""
        groups = []
        for position, group in enumerate(spec["replicatedJobs"]):
            field = f"{FIELD}.replicatedJobs[{position}].template.spec.template"
            count = group.get("replicas", 1) * pods_of_job(group["template"]["spec"])
            groups.append(PodGroup(group["name"], count, group["template"]["spec"]["template"], field))
        return tuple(groups)

    def reporter(self, spec: Mapping[str, Any]) -> Place:
        """Return the coordinator's place if there is one, else the first pod of the first group."""
        coordinator = spec.get("coordinator") or {}
        first = spec["replicatedJobs"][0]
        group = next(
            (item for item in spec["replicatedJobs"] if item["name"] == coordinator.get("replicatedJob")), first
        )
        return Place(group["name"], coordinator.get("jobIndex", 0) * _STRIDE + coordinator.get("podIndex", 0))

    def longest_name(self, spec: Mapping[str, Any]) -> int:
        """Return what leaves room for the names of its Jobs and pods, and for the address of its coordinator, which is
        the value of a label.
        """
        longest = max(
            len(f"-{group['name']}-{group.get('replicas', 1) - 1}-{pods_of_job(group['template']['spec']) - 1}")
            for group in spec["replicatedJobs"]
        )
        room = NAME_LENGTH - longest - SUFFIX_OF_A_POD
        coordinator = spec.get("coordinator")
        if not coordinator:
            return room
        pod = f"-{coordinator['replicatedJob']}-{coordinator.get('jobIndex', 0)}-{coordinator.get('podIndex', 0)}."
        domain = (spec.get("network") or {}).get("subdomain")
        left = NAME_LENGTH - len(pod)
        # Without a domain of its own, the address has the JobSet's name twice.
        return min(room, left - len(domain) if domain else left // 2)

    def build(self, spec: Mapping[str, Any], change: Change) -> dict[str, Any]:
        """Return the JobSet's spec. Where it says nothing of failures, a disrupted pod starts the whole again, as often
        as it happens, and any other failure ends it: the search retries.
        """
        groups = [_changed(group, change) for group in spec["replicatedJobs"]]
        return {
            **({} if "failurePolicy" in spec else {"failurePolicy": _RESTART_DISRUPTED}),
            **spec,
            "replicatedJobs": groups,
        }

    def jobs(self, spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the Job of each group."""
        for position, group in enumerate(spec["replicatedJobs"]):
            yield f"{FIELD}.replicatedJobs[{position}].template", group["template"]["spec"]

    def read(self, body: Mapping[str, Any]) -> Standing:
        """Return where the JobSet stands."""
        return standing_of(body, complete="Completed")

    def place(self, labels: Mapping[str, str]) -> Place | None:
        """Return a pod's place by its group, the number of its Job, and its own in that Job."""
        if GROUP_LABEL not in labels:
            return None
        rank = int(labels.get(JOB_LABEL, 0)) * _STRIDE + int(labels.get(INDEX_LABEL, 0))
        return Place(labels[GROUP_LABEL], rank, int(labels.get(RESTART_LABEL, 0)))


_RESTART_DISRUPTED = {
    "maxRestarts": 0,
    "rules": [
        {
            "name": "disrupted",
            "action": "RestartJobSetAndIgnoreMaxRestarts",
            "onJobFailureReasons": ["PodFailurePolicy"],
        }
    ],
}
_FAIL_DISRUPTED = {"rules": [{"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]}]}
"""A Job that fails by this rule fails for the reason PodFailurePolicy."""
_STRIDE = 10_000
"""More pods than a Job has here: a rank is the Job's number times this, plus the pod's own."""


def _changed(group: Mapping[str, Any], change: Change) -> dict[str, Any]:
    job = group["template"]["spec"]
    count = {"completions": pods_of_job(job), "parallelism": pods_of_job(job)}
    changed = {"backoffLimit": 0, **job, **count, "template": with_change(job["template"], change)}
    if changed["template"]["spec"]["restartPolicy"] == "Never":
        changed.setdefault("podFailurePolicy", _FAIL_DISRUPTED)
    return {**group, "template": {**group["template"], "spec": changed}}


def _group_problems(group: Any, field: str) -> Iterator[FieldProblem]:
    template = group.get("template") if isinstance(group, Mapping) else None
    job = template.get("spec") if isinstance(template, Mapping) else None
    if not isinstance(job, Mapping):
        yield FieldProblem(f"{field}.template.spec", "must be the spec of a Job")
        return
    if not isinstance(group.get("name"), str):
        yield FieldProblem(f"{field}.name", "Required value")
    if "ttlSecondsAfterFinished" in job:
        said = "has JobSet make the Job again once it is gone; remove it"
        yield FieldProblem(f"{field}.template.spec.ttlSecondsAfterFinished", said)
    yield from count_problems(group.get("replicas"), f"{field}.replicas")
    yield from job_problems(job, f"{field}.template.spec")


def _name_problems(groups: list[Mapping[str, Any]]) -> Iterator[FieldProblem]:
    names = [group["name"] for group in groups]
    for position, name in enumerate(names):
        if name in names[:position]:
            yield FieldProblem(f"{FIELD}.replicatedJobs[{position}].name", f"Duplicate value: {name!r}")


def _coordinator_problems(spec: Mapping[str, Any]) -> Iterator[FieldProblem]:
    coordinator, field = spec.get("coordinator"), f"{FIELD}.coordinator"
    if coordinator is None:
        return
    if not isinstance(coordinator, Mapping):
        yield FieldProblem(field, "must be an object")
        return
    group = next((item for item in spec["replicatedJobs"] if item["name"] == coordinator.get("replicatedJob")), None)
    if group is None:
        yield FieldProblem(field, f"there is no group {coordinator.get('replicatedJob')!r} in replicatedJobs")
        return
    there = {"jobIndex": group.get("replicas", 1), "podIndex": pods_of_job(group["template"]["spec"])}
    for name, count in there.items():
        chosen = coordinator.get(name, 0)
        if not isinstance(chosen, int) or not 0 <= chosen < count:
            said = f"must be a whole number from 0 to {count - 1}, got {chosen!r}"
            yield FieldProblem(f"{field}.{name}", said)
