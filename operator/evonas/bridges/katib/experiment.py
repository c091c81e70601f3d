"""Reads a Katib Experiment (kubeflow.org/v1beta1) as a search. Pure.

Features without a counterpart are of two kinds: some make a search impossible (``EvonasError`` names them all), others
change what is searched or how, and are noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evonas.bridges.katib.metrics import read_report
from evonas.bridges.katib.notes import Notes
from evonas.bridges.katib.objectives import read_objectives
from evonas.bridges.katib.parameters import read_parameter
from evonas.bridges.katib.template import read_template
from evonas.errors import EvonasError, FieldProblem
from evonas.search.trial_environment import check_template
from evonas.spec import API_VERSION, SearchSpec

_AGENTS: dict[str, dict[str, Any]] = {
    "random": {"type": "Random"},
    "tpe": {"type": "Optuna", "sampler": "TPE"},
    "multivariate-tpe": {"type": "Optuna", "sampler": "TPE"},
    "bayesianoptimization": {"type": "Optuna", "sampler": "GP"},
    "cmaes": {"type": "Optuna", "sampler": "CMAES"},
    "sobol": {"type": "Optuna", "sampler": "QMC"},
}
_SEVERAL = {name: agent for name, agent in _AGENTS.items() if agent.get("sampler") != "CMAES"}
"""Those that take several objectives."""
_MEDIANSTOP = {"start_step": 4, "min_trials_required": 3}
"""Settings of Katib's median rule, and their defaults."""
_READ = {
    "objective",
    "algorithm",
    "parallelTrialCount",
    "maxTrialCount",
    "maxFailedTrialCount",
    "parameters",
    "trialTemplate",
    "metricsCollectorSpec",
}


@dataclass(frozen=True)
class Converted:
    """A search, and how it differs from the experiment."""

    manifest: dict[str, Any]
    differences: list[FieldProblem]
    collected: list[str]
    """Metrics that are collected and not optimised, as in Katib; they could be objectives."""


def convert(experiment: Mapping[str, Any], objectives: list[tuple[str, str]] | None = None) -> Converted:
    """Return the search; EvonasError, with a line per reason, if it is impossible. ``objectives`` are metrics and goals
    that take the place of its one objective (``parse_objectives``).
    """
    if experiment.get("kind") != "Experiment" or not str(experiment.get("apiVersion", "")).startswith("kubeflow.org/"):
        found = f"{experiment.get('apiVersion')} {experiment.get('kind')}"
        raise EvonasError(f"must be a kubeflow.org Experiment, found {found}")
    spec, notes = experiment.get("spec") or {}, Notes()
    for name in sorted(spec.keys() - _READ):
        _judge_unread(name, spec[name], notes)
    parameters = spec.get("parameters") or ()
    if not parameters and "nasConfig" not in spec:
        notes.refuse("spec.parameters", "there is nothing to search")
    space = [read_parameter(parameter, f"spec.parameters[{n}]", notes) for n, parameter in enumerate(parameters)]
    names = {str(parameter.get("name")) for parameter in parameters}
    trial = read_template(spec.get("trialTemplate") or {}, names, notes)
    objective = spec.get("objective") or {}
    several = None if objectives is None else read_objectives(objective, objectives, notes)
    report = read_report(spec.get("metricsCollectorSpec") or {}, objective, notes, several or ())
    if report is not None:
        trial = {"report": report, **trial}
    manifest = {
        "apiVersion": API_VERSION,
        "kind": "ArchitectureSearch",
        "metadata": _metadata(experiment.get("metadata") or {}, notes),
        "spec": {
            "searchSpace": space,
            **({"objective": _objective(objective, notes)} if several is None else {"objectives": several}),
            "agent": _agent(spec.get("algorithm") or {}, notes, _SEVERAL if several else _AGENTS),
            "budget": _budget(spec),
            "trial": trial,
        },
    }
    if notes.problems:
        raise EvonasError("\n".join(map(str, notes.problems)))
    check_template(SearchSpec.parse(manifest).trial)
    return Converted(
        manifest, notes.differences, [] if several else [*map(str, objective.get("additionalMetricNames") or ())]
    )


def _judge_unread(name: str, value: Any, notes: Notes) -> None:
    path = f"spec.{name}"
    if name == "nasConfig":
        notes.refuse(
            path, "Katib's one-shot searches (ENAS, DARTS) have no counterpart; write the choices as parameters"
        )
    elif name == "earlyStopping":
        notes.differ(path, _early_stopping(value))
    elif name == "resumePolicy":
        notes.differ(path, "is left out: a search always continues when maxTrials is raised")
    else:
        notes.differ(path, "has no counterpart and is left out")


def _early_stopping(value: Any) -> str:
    """Say what to write instead: at which step a full training ends, Katib's Experiments do not say."""
    value = value if isinstance(value, Mapping) else {}
    name = value.get("algorithmName")
    if name != "medianstop":
        return f"{name or 'none'} has no counterpart; spec.fidelity stops trials early (docs/stopping-early.md)"
    given = {item.get("name"): str(item.get("value")) for item in value.get("algorithmSettings") or ()}
    first, required = (
        int(text) if (text := given.get(setting, "")).isdecimal() else usual for setting, usual in _MEDIANSTOP.items()
    )
    rungs = f"{{steps: [{max(1, first)}, LAST], factor: {min(max(2, required), 10)}}}"
    return (
        f"medianstop is left out, as LAST, the step of a full training, is not known here; for the same rule at rungs"
        f" add fidelity: {{rungs: {rungs}, rule: Median}}, with more steps between, and report progress"
        " (docs/stopping-early.md)"
    )


def _metadata(metadata: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    if not metadata.get("name"):
        notes.refuse("metadata.name", "must be given: a search's trials are named after it")
    return {key: metadata[key] for key in ("name", "namespace", "labels") if metadata.get(key)}


def _objective(objective: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    kind = objective.get("type")
    if kind not in ("maximize", "minimize"):
        notes.refuse("spec.objective.type", f"must be maximize or minimize, got {kind!r}")
    converted: dict[str, Any] = {"goal": "Minimize" if kind == "minimize" else "Maximize"}
    if name := objective.get("objectiveMetricName"):
        converted["metric"] = name
    if (goal := objective.get("goal")) is not None:
        converted["target"] = goal
    return converted


def _agent(algorithm: Mapping[str, Any], notes: Notes, agents: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    name = str(algorithm.get("algorithmName", ""))
    agent = dict(agents.get(name, {"type": "EvoNAS"}))
    path = "spec.algorithm.algorithmName"
    if name == "grid":
        agent = {"type": "Random"}
        notes.differ(path, "grid is replaced by Random, which repeats nothing and ends when the space is exhausted")
    elif name in _AGENTS and name not in agents:
        notes.differ(path, f"{name} is for one objective and is replaced by EvoNAS")
    elif name not in agents:
        notes.differ(path, f"{name or 'none'} has no counterpart and is replaced by EvoNAS")
    for setting in algorithm.get("algorithmSettings") or ():
        key, value = setting.get("name"), str(setting.get("value"))
        if key == "random_state" and value.isdigit():
            agent["seed"] = int(value)
        elif key in ("n_startup_trials", "n_initial_points") and value.isdigit() and int(value) >= 2:
            agent["warmup"] = int(value)
        else:
            notes.differ("spec.algorithm.algorithmSettings", f"{key}: {value} has no counterpart and is left out")
    return agent


def _budget(spec: Mapping[str, Any]) -> dict[str, Any]:
    # Katib's own defaults: three at a time, and no limit on failures or trials.
    trials = spec.get("maxTrialCount") or 300
    budget = {"maxTrials": trials, "parallelTrials": min(spec.get("parallelTrialCount") or 3, trials)}
    if (failed := spec.get("maxFailedTrialCount")) is not None:
        budget["maxFailedTrials"] = failed
    return budget
