"""From Python's arguments to an ArchitectureSearch, and its problems back into Python's words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from evonas.agents.catalogue import AGENT_TYPES, parse_agent, sampler_named
from evonas.errors import EvonasError, FieldProblem, InvalidManifest
from evonas.manifest import KIND
from evonas.python.declarations import Confirm, Constraint, Objective, Rungs
from evonas.python.space import Space, plain, to_manifest
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
    (re.compile(r"spec\.objectives"), "objectives"),
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
    space: Space,
    *,
    maximize: str | None,
    minimize: str | None,
    objectives: Sequence[Objective],
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
    workload: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the manifest of a search whose trials run a Python function, or the ``workload``; EvonasError if arguments
    contradict each other. ``limits`` are those of the budget and of one trial under their Python names, None where not
    given.
    """
    single = {"maximize": maximize, "minimize": minimize, "target": target, "constraints": constraints or None}
    given_too = [name for name, value in single.items() if value is not None]
    if objectives and given_too:
        cure = "each Objective has its own metric, goal, target and constraints"
        raise EvonasError(f"{', '.join(given_too)}: not beside objectives: {cure}")
    if maximize is not None and minimize is not None:
        cure = f"objectives=[Objective({maximize!r}), Objective({minimize!r}, 'Minimize')]"
        raise EvonasError(f"maximize, minimize: are for a search with one objective; for both, give {cure}")
    declared = _objectives(objectives) or {
        "objective": _objective(minimize if maximize is None else maximize, minimize is not None, target, constraints)
    }
    given = {field: plain(limits[word]) for field, word in _WORDS.items() if limits.get(word) is not None}
    on_trial = {field: given.pop(field) for field in ("timeoutSeconds", "retries") if field in given}
    started: dict[str, Any] = {
        **({} if warm_start is None else {"search": warm_start}),
        **({"candidates": listed} if (listed := [*_candidates(candidates)]) else {}),
    }
    spec: dict[str, Any] = {
        "searchSpace": to_manifest(space),
        **declared,
        "agent": {**_agent(agent), **({"seed": plain(seed)} if seed else {})},
        "budget": {"maxTrials": plain(trials), "parallelTrials": plain(parallel), **given},
        **({} if rungs is None else {"fidelity": _fidelity(rungs)}),
        **({} if confirm is None else {"confirm": _confirm(confirm)}),
        **({"warmStart": started} if started else {}),
        **({"knowledge": {"searches": _names(knowledge)}} if knowledge else {}),
        "trial": {**on_trial, **_trained_by(workload, declared)},
    }
    labelled = {"labels": dict(labels)} if labels else {}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name, **labelled}, "spec": spec}


def _trained_by(workload: Mapping[str, Any] | None, declared: Mapping[str, Any]) -> dict[str, Any]:
    if workload is None:
        return {"template": {"spec": {"containers": [function_container(_metrics(declared))]}}}
    if not isinstance(workload, Mapping):
        raise _wrong("workload", "a mapping with apiVersion, kind and spec", workload)
    return {"workload": deepcopy(dict(workload))}


def function_container(metrics: Sequence[str]) -> dict[str, Any]:
    """Return the container of a trial that runs the function of a local run."""
    command = ["python3", "-m", "evonas_trial.function", f"$({FUNCTION_VARIABLE})"]
    return {
        "name": "trial",
        "image": FUNCTION_IMAGE,
        "command": [*command, *(word for metric in metrics for word in ("--metric", metric))],
    }


def runs_a_function(manifest: Mapping[str, Any]) -> bool:
    """Return whether a search's trials run the function of a local run, and no program of their own."""
    trial = manifest["spec"]["trial"]
    containers = trial["template"]["spec"]["containers"] if "template" in trial else ()
    return any(f"$({FUNCTION_VARIABLE})" in (container.get("command") or ()) for container in containers)


def check(manifest: Mapping[str, Any]) -> SearchSpec:
    """Return the parsed search; InvalidManifest with every problem in Python's words."""
    with in_python(manifest):
        spec = SearchSpec.parse(manifest)
        # What the agent needs is asked where it runs: whoever submits a search does without PyTorch.
        parse_agent(spec.agent.type, spec.agent.settings, len(spec.objectives))
    return spec


@contextmanager
def in_python(manifest: Mapping[str, Any]) -> Iterator[None]:
    """Have an InvalidManifest that the block raises name arguments instead of fields."""
    try:
        yield
    except InvalidManifest as invalid:
        problems = (FieldProblem(_place(each.field, manifest), in_words(each.problem)) for each in invalid.problems)
        raise InvalidManifest([*problems]) from None


def _place(field: str, manifest: Mapping[str, Any]) -> str:
    """Return the argument that a field of the manifest was made of."""
    if found := re.match(r"spec\.searchSpace\[(\d+)\](?:\.range)?", field):
        name = manifest["spec"]["searchSpace"][int(found[1])].get("name")
        return f"space[{name!r}]{field[found.end() :]}"
    if found := re.match(r"spec\.objective(?:s\[(\d+)\])?\.constraints\[(\d+)\]", field):
        spec = manifest["spec"]
        objective, of = (
            (spec["objective"], "")
            if found[1] is None
            else (
                spec["objectives"][int(found[1])],
                f"objectives[{found[1]}].",
            )
        )
        metric = objective["constraints"][int(found[2])].get("metric")
        return f"{of}constraints[{metric!r}]{field[found.end() :]}"
    if field.startswith("spec.searchSpace"):
        return "space"
    place = next((word + field[found.end() :] for at, word in _PLACES if (found := at.match(field))), field)
    return in_words(place)


def in_words(text: str) -> str:
    """Return a text about a search with arguments instead of fields."""
    text = re.sub(r"\bspec\.objective\b", "maximize or minimize", text)
    text = re.sub(r"\bspec\.warmStart\.search: (\S+)", r"warm_start='\1'", text)
    return re.sub(rf"\b(?:spec\.(?:budget|trial)\.)?({'|'.join(_WORDS)})\b", lambda found: _WORDS[found[1]], text)


def _agent(agent: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(agent, str | Mapping):
        raise _wrong("agent", "the name of an agent such as 'Evolution', or a manifest's agent block", agent)
    if not isinstance(agent, str):
        return agent
    # The schema would say only what the name of a type looks like.
    meant = next((known for known in AGENT_TYPES if known.lower() == agent.lower()), agent)
    if meant != agent:
        raise EvonasError(f"agent: there is no agent {agent!r}; did you mean {meant}?")
    if (sampler := sampler_named(agent)) is not None:
        written = {"type": "Optuna", "sampler": sampler}
        raise EvonasError(f"agent: {agent!r} is no agent, but a sampler of Optuna: write agent={written}")
    return {"type": agent}


def _objectives(objectives: Sequence[Objective]) -> dict[str, Any]:
    """Return the field of several objectives; nothing where none is given."""
    wanted = "a list such as [Objective('accuracy'), Objective('latency_ms', 'Minimize')]"
    if isinstance(objectives, str | Mapping) or not isinstance(objectives, Iterable):
        raise _wrong("objectives", wanted, objectives)
    listed = []
    for place, each in enumerate(objectives):
        if not isinstance(each, Objective):
            raise _wrong(f"objectives[{place}]", "an Objective such as Objective('accuracy')", each)
        if each.goal not in ("Maximize", "Minimize"):
            raise _wrong(f"objectives[{place}].goal", "'Maximize' or 'Minimize'", each.goal)
        reference = {} if each.reference is None else {"reference": plain(each.reference)}
        field = _objective(
            each.metric, each.goal == "Minimize", each.target, each.constraints, f"objectives[{place}].constraints"
        )
        listed.append({**field, **reference})
    return {"objectives": listed} if listed else {}


def _objective(
    metric: str | None,
    is_least: bool,
    target: float | None,
    constraints: Mapping[str, Constraint],
    argument: str = "constraints",
) -> dict[str, Any]:
    return {
        **({} if metric is None else {"metric": metric}),
        "goal": "Minimize" if is_least else "Maximize",
        **({} if target is None else {"target": plain(target)}),
        **({"constraints": [*_constraints(constraints, argument)]} if constraints else {}),
    }


def _metrics(declared: Mapping[str, Any]) -> list[str]:
    """Return the metrics that a function has to return."""
    objectives = declared.get("objectives") or [declared["objective"]]
    return [each["metric"] for each in objectives if "metric" in each]


def _constraints(constraints: Mapping[str, Constraint], argument: str) -> Iterator[dict[str, Any]]:
    if not isinstance(constraints, Mapping):
        raise _wrong(argument, 'a mapping such as {"latency_ms": Constraint(max=5)}', constraints)
    for metric, constraint in constraints.items():
        if not isinstance(constraint, Constraint):
            raise _wrong(f"{argument}[{metric!r}]", "a Constraint such as Constraint(max=5)", constraint)
        given = {"target": constraint.target, "exponent": constraint.exponent, "max": constraint.max}
        yield {"metric": metric, **{field: plain(value) for field, value in given.items() if value is not None}}


def _candidates(candidates: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    if isinstance(candidates, Mapping) or not isinstance(candidates, Iterable):
        raise _wrong("candidates", "a list of candidates, each a mapping from decisions to values", candidates)
    for place, candidate in enumerate(candidates):
        if not isinstance(candidate, Mapping):
            raise _wrong(f"candidates[{place}]", "a mapping from decisions to values", candidate)
        yield {name: plain(value) for name, value in candidate.items()}


def _fidelity(rungs: Rungs | Sequence[int]) -> dict[str, Any]:
    if isinstance(rungs, str) or not isinstance(rungs, Rungs | Iterable):
        raise _wrong("rungs", "a list of steps such as [1, 3, 9], or Rungs", rungs)
    declared = rungs if isinstance(rungs, Rungs) else Rungs(steps=rungs)
    steps = None if declared.steps is None else list(map(plain, declared.steps))
    given = {"min": declared.min, "max": declared.max, "factor": declared.factor, "steps": steps}
    return {
        "rungs": {field: value for field, value in given.items() if value is not None},
        **({"mode": declared.mode} if declared.mode != "Stop" else {}),
        **({} if declared.rule is None else {"rule": declared.rule}),
    }


def _confirm(confirm: Confirm) -> dict[str, Any]:
    if not isinstance(confirm, Confirm):
        raise _wrong("confirm", "a Confirm such as Confirm(top=3, repeats=3)", confirm)
    return {"top": confirm.top, "repeats": confirm.repeats}


def _names(knowledge: Sequence[str]) -> list[str]:
    # A name alone would be taken for a list of its letters.
    if isinstance(knowledge, str) or not isinstance(knowledge, Iterable):
        raise _wrong("knowledge", "a list of the names of searches", knowledge)
    return list(knowledge)


def _wrong(argument: str, wanted: str, given: object) -> EvonasError:
    return EvonasError(f"{argument}: must be {wanted}; got {given!r}")
