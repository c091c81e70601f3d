"""Katib's trial template as ours: a Job's pod, its placeholders as variables. Pure; a part of ``katib``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evonas.space import variable_name

if TYPE_CHECKING:
    from evonas.bridges.katib import Notes

_PLACEHOLDER = re.compile(r"\$\{(trialParameters|trialSpec)\.([^}]+)\}")
_OWN_FACTS = {"Name": "EVONAS_TRIAL", "Namespace": "POD_NAMESPACE"}
_EXPANDED = ("command", "args")
"""Beside the values of variables, where the kubelet replaces $(NAME)."""


def read_template(template: Mapping[str, Any], parameters: set[str], notes: Notes) -> dict[str, Any]:
    """Return ``spec.trial``; what has no counterpart is noted."""
    path = "spec.trialTemplate"
    job = template.get("trialSpec")
    if not isinstance(job, Mapping):
        where = "configMap" if "configMap" in template else "trialSpec"
        notes.refuse(f"{path}.{where}", "must hold the Job itself: a template kept elsewhere cannot be read here")
        return {}
    if job.get("kind") != "Job" or not str(job.get("apiVersion", "")).startswith("batch/"):
        problem = f"trials of kind {job.get('kind')} have no counterpart: a trial is a batch/v1 Job of one pod"
        notes.refuse(f"{path}.trialSpec.kind", problem)
        return {}
    for condition in ("successCondition", "failureCondition"):
        if condition in template:
            notes.differ(f"{path}.{condition}", "has no counterpart: the exit code and the report decide")
    spec = job.get("spec") or {}
    variables = _variables(template, parameters, notes)
    pod = _substituted(spec.get("template") or {}, variables, f"{path}.trialSpec.spec.template", notes)
    trial: dict[str, Any] = {"template": pod}
    if name := template.get("primaryContainerName"):
        trial["container"] = name
    if (retries := spec.get("backoffLimit")) is not None:
        trial["retries"] = retries
    if (seconds := spec.get("activeDeadlineSeconds")) is not None:
        trial["timeoutSeconds"] = seconds
    for count in ("completions", "parallelism"):
        if spec.get(count, 1) != 1:
            notes.refuse(f"{path}.trialSpec.spec.{count}", f"must be 1, got {spec[count]}: a trial is one pod")
    return trial


def _variables(template: Mapping[str, Any], parameters: set[str], notes: Notes) -> dict[str, str]:
    """Return the variable that stands for each placeholder."""
    found: dict[str, str] = {}
    for position, item in enumerate(template.get("trialParameters") or ()):
        reference = str(item.get("reference", ""))
        path = f"spec.trialTemplate.trialParameters[{position}].reference"
        own = re.fullmatch(r"\$\{trialSpec\.(\w+)\}", reference)
        if reference in parameters:
            found[f"trialParameters.{item.get('name')}"] = variable_name(reference)
        elif own and own.group(1) in _OWN_FACTS:
            found[f"trialParameters.{item.get('name')}"] = _OWN_FACTS[own.group(1)]
        else:
            notes.refuse(path, f"{reference!r} is no parameter of this experiment")
    return found


def _substituted(template: Any, variables: Mapping[str, str], path: str, notes: Notes) -> Any:
    """Return the pod template with its placeholders replaced where a variable can stand."""

    def replace(value: Any, here: str, *, expanded: bool) -> Any:
        if isinstance(value, Mapping):
            return {key: replace(item, f"{here}.{key}", expanded=_expands(here, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [replace(item, f"{here}[{n}]", expanded=expanded) for n, item in enumerate(value)]
        if not isinstance(value, str) or not _PLACEHOLDER.search(value):
            return value
        if not expanded:
            notes.refuse(here, f"{json.dumps(value)}: a decision can stand in command, args and env only")
            return value
        return _PLACEHOLDER.sub(lambda match: name(match, here), value)

    def name(match: re.Match[str], here: str) -> str:
        variable = variables.get(f"{match.group(1)}.{match.group(2)}")
        if variable is None:
            notes.refuse(here, f"{match.group(0)} names nothing in spec.trialTemplate.trialParameters")
        return f"$({variable})"

    return replace(template, path, expanded=False)


def _expands(path: str, key: str) -> bool:
    return key in _EXPANDED or (key == "value" and bool(re.search(r"\.env\[\d+\]$", path)))
