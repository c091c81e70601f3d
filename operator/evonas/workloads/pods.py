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
        # A crash without a termination message then still shows its last output.
        container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
    return changed


def merged_env(told: Iterable[Mapping[str, Any]], own: Any) -> list[Any]:
    """Return a container's variables, those of the search first, so that its own may refer to them."""
    told = list(told)
    names = {variable["name"] for variable in told}
    return [*told, *(item for item in own or () if item.get("name") not in names)]


def template_problems(template: Any, field: str) -> Iterator[FieldProblem]:
    """Name what keeps a pod template from being read: everything else is the API server's to check."""
    pod = template.get("spec") if isinstance(template, Mapping) else None
    containers = pod.get("containers") if isinstance(pod, Mapping) else None
    if not isinstance(containers, list) or not containers:
        yield FieldProblem(f"{field}.spec.containers", "must be a list of one container or more")
        return
    for position, container in enumerate(containers):
        if not isinstance(container, Mapping) or not isinstance(container.get("name"), str):
            yield FieldProblem(f"{field}.spec.containers[{position}].name", "Required value")
        elif not isinstance(container.get("env") or [], list):
            yield FieldProblem(f"{field}.spec.containers[{position}].env", "must be a list")


def count_problems(value: Any, field: str) -> Iterator[FieldProblem]:
    """Name a number of pods that is none."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_PODS):
        yield FieldProblem(field, f"must be a whole number from 1 to {MAX_PODS}, got {value!r}")


MAX_PODS = 10_000
