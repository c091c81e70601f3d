"""Katib's trial template as ours: a Job's pod, its placeholders as variables. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from evonas.bridges.katib.notes import Notes
from evonas.hints import did_you_mean
from evonas.space import variable_name

_PLACEHOLDER = re.compile(r"\$\{(trialParameters|trialSpec)\.([^}]+)\}")
_OWN_FACTS = {"Name": "$(EVONAS_TRIAL)", "Namespace": "$(POD_NAMESPACE)"}
_EXPANDED = ("command", "args")
"""Where the kubelet replaces $(NAME), besides the values of variables."""
_JOB_FIELDS = {
    "backoffLimit": "retries",
    "activeDeadlineSeconds": "timeoutSeconds",
    "ttlSecondsAfterFinished": "ttlSecondsAfterFinished",
}
"""Fields of a Job and their names in ``spec.trial``."""


def read_template(template: Mapping[str, Any], parameters: set[str], notes: Notes) -> dict[str, Any]:
    """Return ``spec.trial``; features without a counterpart are noted."""
    path = "spec.trialTemplate"
    job = template.get("trialSpec")
    if not isinstance(job, Mapping):
        where = "configMap" if "configMap" in template else "trialSpec"
        notes.refuse(f"{path}.{where}", "must hold the Job itself: a template kept elsewhere cannot be read here")
        return {}
    if job.get("kind") != "Job" or not str(job.get("apiVersion", "")).startswith("batch/"):
        problem = (
            f"trials of kind {job.get('kind')} are not converted, only those that are a batch/v1 Job of one pod; put "
            "JobSets, TrainJobs and RayJobs into spec.trial.workload by hand (docs/many-pods.md)"
        )
        notes.refuse(f"{path}.trialSpec.kind", problem)
        return {}
    _note_unread(template, job, path, notes)
    spec = job.get("spec") or {}
    stand_ins = _stand_ins(template, job, parameters, notes)
    pod = _substituted(spec.get("template") or {}, stand_ins, f"{path}.trialSpec.spec.template", notes)
    trial: dict[str, Any] = {"template": pod}
    if name := template.get("primaryContainerName"):
        trial["container"] = name
    trial.update({ours: spec[theirs] for theirs, ours in _JOB_FIELDS.items() if spec.get(theirs) is not None})
    for count in ("completions", "parallelism"):
        if spec.get(count, 1) != 1:
            notes.refuse(f"{path}.trialSpec.spec.{count}", f"must be 1, got {spec[count]}: a trial is one pod")
    return trial


def _note_unread(template: Mapping[str, Any], job: Mapping[str, Any], path: str, notes: Notes) -> None:
    for condition in ("successCondition", "failureCondition"):
        if condition in template:
            notes.differ(f"{path}.{condition}", "has no counterpart: the exit code and the report decide")
    if template.get("retain"):
        notes.differ(f"{path}.retain", "has no counterpart: a Job is kept for spec.trial.ttlSecondsAfterFinished")
    if template.get("primaryPodLabels"):
        notes.differ(f"{path}.primaryPodLabels", "is left out: a trial has one pod")
    if job.get("metadata"):
        notes.differ(f"{path}.trialSpec.metadata", "is left out: labels and annotations belong in the pod template")
    for name in sorted(
        (job.get("spec") or {}).keys() - _JOB_FIELDS.keys() - {"template", "completions", "parallelism"}
    ):
        notes.differ(f"{path}.trialSpec.spec.{name}", "has no counterpart and is left out")


def _stand_ins(
    template: Mapping[str, Any], job: Mapping[str, Any], parameters: set[str], notes: Notes
) -> dict[str, str | None]:
    """Return the replacement of each placeholder: a variable or a known value; None if it is refused."""
    found: dict[str, str | None] = {}
    for position, item in enumerate(template.get("trialParameters") or ()):
        reference = str(item.get("reference", ""))
        stand_in = f"$({variable_name(reference)})" if reference in parameters else _own_fact(reference, job)
        if stand_in is None:
            path = f"spec.trialTemplate.trialParameters[{position}].reference"
            notes.refuse(
                path, f"{reference!r} is not a parameter of this experiment, nor a known property of its trials"
            )
        found[f"trialParameters.{item.get('name')}"] = stand_in
    return found


def _own_fact(reference: str, job: Mapping[str, Any]) -> str | None:
    """Return what a ``${trialSpec.…}`` stands for; None if our trials have no such thing."""
    own = re.fullmatch(r"\$\{trialSpec\.(\w+)(?:\[(.+)\])?\}", reference)
    if own is None:
        return None
    name, key = own.groups()
    if name in ("Labels", "Annotations"):
        value = ((job.get("metadata") or {}).get(name.lower()) or {}).get(key)
        return None if value is None else str(value)
    known = {**_OWN_FACTS, "Kind": str(job.get("kind")), "APIVersion": str(job.get("apiVersion"))}
    return known.get(name)


def _substituted(template: Any, stand_ins: Mapping[str, str | None], path: str, notes: Notes) -> Any:
    """Return the pod template with its placeholders replaced wherever a variable is allowed."""

    def replace(value: Any, here: str, *, expanded: bool) -> Any:
        if isinstance(value, Mapping):
            return {key: replace(item, f"{here}.{key}", expanded=_expands(here, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [replace(item, f"{here}[{n}]", expanded=expanded) for n, item in enumerate(value)]
        if not isinstance(value, str) or not _PLACEHOLDER.search(value):
            return value
        return _PLACEHOLDER.sub(lambda match: stand_in(match, here, value, expanded=expanded), value)

    def stand_in(match: re.Match[str], here: str, whole: str, *, expanded: bool) -> str:
        name = f"{match.group(1)}.{match.group(2)}"
        if name not in stand_ins:
            hint = did_you_mean(name, stand_ins)
            notes.refuse(here, f"{match.group(0)} names nothing in spec.trialTemplate.trialParameters{hint}")
        found = stand_ins.get(name)
        if found is not None and found.startswith("$(") and not expanded:
            notes.refuse(here, f"{json.dumps(whole)}: a decision is allowed only in command, args and env")
        return found or match.group(0)

    return replace(template, path, expanded=False)


def _expands(path: str, key: str) -> bool:
    return key in _EXPANDED or (key == "value" and bool(re.search(r"\.env\[\d+\]$", path)))
