"""From Python's arguments to an ArchitectureSearch, and its problems back into Python's words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from evonas.agents.catalogue import check_agent
from evonas.errors import EvonasError, FieldProblem, InvalidManifest
from evonas.manifest import KIND
from evonas.python.declarations import Confirm, Constraint, Rungs
from evonas.python.space import Values, to_manifest
from evonas.spec import API_VERSION, SearchSpec

FUNCTION_VARIABLE = "EVONAS_FUNCTION_FILE"
"""Names the file of the function that a local run trains; set by the run, not by the manifest."""
FUNCTION_IMAGE = "python-function-of-a-local-run"
"""Stands where a manifest must name an image: there is none until the search is submitted."""
SOURCE_ANNOTATION = "evonas.dev/function"
"""On the trial template: the source of the function that trials run."""

_WORDS = {
    "maxTrials": "trials",
    "parallelTrials": "parallel",
    "maxFailedTrials": "max_failed",
    "maxSeconds": "max_seconds",
    "maxGPUHours": "max_gpu_hours",
    "timeoutSeconds": "timeout_seconds",
    "retries": "retries",
}
"""Fields and their names in Python, wherever a problem mentions them."""
_PLACES = (
    (re.compile(r"metadata\.name"), "name"),
    (re.compile(r"metadata\.labels"), "labels"),
    (re.compile(r"spec\.objective\.target"), "target"),
    (re.compile(r"spec\.objective\.(metric|goal)"), "maximize, minimize"),
    (re.compile(r"spec\.objective"), "objective"),
    (re.compile(r"spec\.fidelity(\.rungs)?"), "rungs"),
    (re.compile(r"spec\.warmStart\.candidates"), "candidates"),
    (re.compile(r"spec\.warmStart\.search"), "warm_start"),
    (re.compile(r"spec\.knowledge(\.searches)?"), "knowledge"),
    (re.compile(r"spec\.agent\.(type)"), "agent"),
    (re.compile(r"spec\.agent\.(seed)"), "seed"),
    (re.compile(r"spec\.(budget|trial)\."), ""),
    (re.compile(r"spec\."), ""),
)


def search_manifest(
    name: str,
    space: Mapping[str, Values],
    *,
    maximize: str | None,
    minimize: str | None,
    trials: int,
    parallel: int,
    agent: str | Mapping[str, Any],
    seed: int,
    target: float | None,
    constraints: Mapping[str, Constraint],
    rungs: Rungs | Sequence[int] | None,
    confirm: Confirm | None,
    candidates: Sequence[Mapping[str, Any]],
    warm_start: str | None,
    knowledge: Sequence[str],
    limits: Mapping[str, float | None],
    labels: Mapping[str, str],
) -> dict[str, Any]:
    """Return the manifest of a search whose trials run a Python function; EvonasError if arguments contradict each
    other. ``limits`` are those of the budget and of one trial under their Python names, None where not given.
    """
    if maximize is not None and minimize is not None:
        raise EvonasError("maximize, minimize: a search has one objective; give one of the two")
    metric = minimize if maximize is None else maximize
    named: Mapping[str, Any] = {"type": agent} if isinstance(agent, str) else agent
    given = {field: limits[word] for field, word in _WORDS.items() if limits.get(word) is not None}
    on_trial = {field: given.pop(field) for field in ("timeoutSeconds", "retries") if field in given}
    started: dict[str, Any] = {
        **({} if warm_start is None else {"search": warm_start}),
        **({"candidates": [dict(candidate) for candidate in candidates]} if candidates else {}),
    }
    spec: dict[str, Any] = {
        "searchSpace": to_manifest(space),
        "objective": {
            **({} if metric is None else {"metric": metric}),
            "goal": "Maximize" if minimize is None else "Minimize",
            **({} if target is None else {"target": target}),
            **({"constraints": [*_constraints(constraints)]} if constraints else {}),
        },
        "agent": {**named, **({"seed": seed} if seed else {})},
        "budget": {"maxTrials": trials, "parallelTrials": parallel, **given},
        **({} if rungs is None else {"fidelity": _fidelity(rungs)}),
        **({} if confirm is None else {"confirm": {"top": confirm.top, "repeats": confirm.repeats}}),
        **({"warmStart": started} if started else {}),
        **({"knowledge": {"searches": list(knowledge)}} if knowledge else {}),
        "trial": {**on_trial, "template": {"spec": {"containers": [function_container(metric)]}}},
    }
    labelled = {"labels": dict(labels)} if labels else {}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name, **labelled}, "spec": spec}


def function_container(metric: str | None) -> dict[str, Any]:
    """Return the container of a trial that runs the function of a local run."""
    command = ["python3", "-m", "evonas_trial.function", f"$({FUNCTION_VARIABLE})"]
    return {
        "name": "trial",
        "image": FUNCTION_IMAGE,
        "command": [*command, *([] if metric is None else ["--metric", metric])],
    }


def runs_a_function(manifest: Mapping[str, Any]) -> bool:
    """Return whether a search's trials run the function of a local run, and no program of their own."""
    containers = manifest["spec"]["trial"]["template"]["spec"]["containers"]
    return any(f"$({FUNCTION_VARIABLE})" in (container.get("command") or ()) for container in containers)


def check(manifest: Mapping[str, Any]) -> SearchSpec:
    """Return the parsed search; InvalidManifest with every problem in Python's words."""
    with in_python(manifest):
        spec = SearchSpec.parse(manifest)
        check_agent(spec.agent.type, spec.agent.settings)
    return spec


@contextmanager
def in_python(manifest: Mapping[str, Any]) -> Iterator[None]:
    """Have an InvalidManifest that the block raises name arguments instead of fields."""
    try:
        yield
    except InvalidManifest as invalid:
        problems = (FieldProblem(_place(each.field, manifest), _worded(each.problem)) for each in invalid.problems)
        raise InvalidManifest([*problems]) from None


def _place(field: str, manifest: Mapping[str, Any]) -> str:
    """Return the argument that a field of the manifest was made of."""
    if found := re.match(r"spec\.searchSpace\[(\d+)\](?:\.range)?", field):
        name = manifest["spec"]["searchSpace"][int(found[1])].get("name")
        return f"space[{name!r}]{field[found.end() :]}"
    if found := re.match(r"spec\.objective\.constraints\[(\d+)\]", field):
        metric = manifest["spec"]["objective"]["constraints"][int(found[1])].get("metric")
        return f"constraints[{metric!r}]{field[found.end() :]}"
    if field.startswith("spec.searchSpace"):
        return "space"
    place = next((word + field[found.end() :] for at, word in _PLACES if (found := at.match(field))), field)
    return _worded(place)


def _worded(text: str) -> str:
    return re.sub(rf"\b(?:spec\.(?:budget|trial)\.)?({'|'.join(_WORDS)})\b", lambda found: _WORDS[found[1]], text)


def _constraints(constraints: Mapping[str, Constraint]) -> Iterator[dict[str, Any]]:
    for metric, constraint in constraints.items():
        given = {"target": constraint.target, "exponent": constraint.exponent, "max": constraint.max}
        yield {"metric": metric, **{field: value for field, value in given.items() if value is not None}}


def _fidelity(rungs: Rungs | Sequence[int]) -> dict[str, Any]:
    declared = rungs if isinstance(rungs, Rungs) else Rungs(steps=rungs)
    steps = None if declared.steps is None else list(declared.steps)
    given = {"min": declared.min, "max": declared.max, "factor": declared.factor, "steps": steps}
    return {
        "rungs": {field: value for field, value in given.items() if value is not None},
        **({"mode": declared.mode} if declared.mode != "Stop" else {}),
        **({} if declared.rule is None else {"rule": declared.rule}),
    }
