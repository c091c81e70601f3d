"""What an attempt puts into the pod templates of its workload, and how far a template can be read. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evonas.errors import FieldProblem
from evonas.workloads.interface import Change


def with_change(template: Mapping[str, Any], change: Change, *, restarts: str | None = "Never") -> dict[str, Any]:
    """Return a pod template with an attempt's labels, variables and service account.

    ``restarts`` is the restart policy of a template that names none; None leaves that to the engine.
    """
    changed = copy.deepcopy(dict(template))
    metadata = changed["metadata"] = dict(changed.get("metadata") or {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **change.labels}
    pod = changed["spec"]
    if restarts is not None:
        pod.setdefault("restartPolicy", restarts)
    if change.service_account is not None:
        pod.setdefault("serviceAccountName", change.service_account)
    containers = pod["containers"]
    trainer = next((item for item in containers if item["name"] == change.container), containers[0])
    trainer["env"] = merged_env(change.env, trainer.get("env"))
    for container in containers:
        keep_last_words(container)
    return changed


def keep_last_words(container: dict[str, Any]) -> None:
    """Have a crash without a termination message show its last output, unless the container says otherwise."""
    container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")


def merged_env(told: Iterable[Mapping[str, Any]], own: Any) -> list[Any]:
    """Return a container's variables, those of the search first, so that its own may refer to them."""
    told = list(told)
    names = {variable["name"] for variable in told}
    return [*told, *(item for item in own or () if item.get("name") not in names)]


def template_problems(template: Any, field: str) -> Iterator[FieldProblem]:
    """Name what keeps a pod template from being read: everything else is the API server's to check."""
    pod = template.get("spec") if isinstance(template, Mapping) else None
    if not isinstance(template, Mapping) or not isinstance(pod, Mapping):
        yield FieldProblem(f"{field}.spec.containers", "must be a list of one container or more")
        return
    yield from _metadata_problems(template.get("metadata"), f"{field}.metadata")
    seconds = pod.get("activeDeadlineSeconds")
    if seconds is not None and not _is_whole(seconds, 1, MAX_SECONDS):
        said = f"must be a whole number from 1 to {MAX_SECONDS}, got {seconds!r}"
        yield FieldProblem(f"{field}.spec.activeDeadlineSeconds", said)
    yield from _container_problems(pod.get("containers"), f"{field}.spec.containers")


def job_problems(job: Mapping[str, Any], field: str) -> Iterator[FieldProblem]:
    """Name what keeps the spec of a Job from being read, whose pods train together."""
    problems = [problem for name in _COUNTS for problem in count_problems(job.get(name), f"{field}.{name}")]
    yield from problems
    given = {job[name] for name in _COUNTS if job.get(name) is not None}
    if not problems and len(given) > 1:
        yield FieldProblem(f"{field}.parallelism", "must be that of completions: a trial's pods train together")
    if job.get("completionMode") not in (None, "Indexed"):
        yield FieldProblem(f"{field}.completionMode", "must be Indexed: each of a trial's pods has its number")
    yield from template_problems(job.get("template"), f"{field}.template")


def pods_of_job(job: Mapping[str, Any]) -> int:
    """Return how many pods a Job has, all of which run together."""
    given = (job[name] for name in _COUNTS if job.get(name) is not None)
    return int(next(given, 1))


def count_problems(value: Any, field: str) -> Iterator[FieldProblem]:
    """Name a number of pods, or of their groups, that is none; where it is not given, it is 1."""
    if value is not None and not _is_whole(value, 1, MAX_PODS):
        yield FieldProblem(field, f"must be a whole number from 1 to {MAX_PODS}, got {value!r}")


def _metadata_problems(metadata: Any, field: str) -> Iterator[FieldProblem]:
    if metadata is not None and not isinstance(metadata, Mapping):
        yield FieldProblem(field, "must be an object")
    elif metadata and not isinstance(metadata.get("labels") or {}, Mapping):
        yield FieldProblem(f"{field}.labels", "must be an object")


def _container_problems(containers: Any, field: str) -> Iterator[FieldProblem]:
    if not isinstance(containers, list) or not containers:
        yield FieldProblem(field, "must be a list of one container or more")
        return
    for position, container in enumerate(containers):
        if not isinstance(container, Mapping) or not isinstance(container.get("name"), str):
            yield FieldProblem(f"{field}[{position}].name", "Required value")
        elif not isinstance(container.get("env") or [], list):
            yield FieldProblem(f"{field}[{position}].env", "must be a list")


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


_COUNTS = ("completions", "parallelism")
MAX_PODS = 10_000
MAX_SECONDS = 2**31 - 1
"""What Kubernetes takes."""
