"""What a trial container is told: the variables of docs/trial-contract.md, alike in pods and local processes."""

from __future__ import annotations

import json
from collections.abc import Mapping

from evonas.errors import InvalidManifest
from evonas.search.codec import SearchIdentity
from evonas.search.pausing import find_until
from evonas.search.trial import Trial
from evonas.space import Value, variable_name
from evonas.spec import SearchSpec, TrialSpec
from evonas.variables import variable_problems

MAX_SEED = 2**31


def trial_environment(identity: SearchIdentity, spec: SearchSpec, trial: Trial) -> dict[str, str]:
    """Return the variables that describe a trial's current attempt, apart from those of its pod."""
    return {
        **decision_variables(spec.space.in_order(trial.decisions)),
        "EVONAS_SEARCH": identity.name,
        "EVONAS_TRIAL": identity.trial_name(trial.index),
        "EVONAS_INDEX": str(trial.index),
        "EVONAS_ATTEMPT": str(trial.current_attempt),
        "EVONAS_SEED": str(seed_of(spec, trial)),
        **_rungs(spec, trial),
    }


def seed_of(spec: SearchSpec, trial: Trial) -> int:
    """Return the seed of a trial's training.

    It is the search's plus the trial's index, so trials differ and retries do not. The n-th confirmations of all
    leaders share the search's minus n, which no proposal has: they differ only in their candidates.
    """
    seed = spec.agent.seed + trial.index if trial.proposal.repeat is None else spec.agent.seed - trial.proposal.repeat
    return seed % MAX_SEED


def _rungs(spec: SearchSpec, trial: Trial) -> dict[str, str]:
    if spec.fidelity is None:
        return {}
    until = find_until(spec, trial)
    return {
        "EVONAS_RUNGS": ",".join(map(str, spec.fidelity.steps)),
        **({} if until is None else {"EVONAS_UNTIL": str(until)}),
    }


def check_template(trial: TrialSpec) -> None:
    """Refuse a template that sets variables which each trial is given; InvalidManifest names each of them. Called
    before a search is run. Earlier versions replaced such variables; their records can still be read.
    """
    if trial.workload is None:
        told = [(trial.containers[trial.container_position], trial.container_field)]
    else:
        told = [
            (container, group.container_field(container["name"]))
            for group in trial.workload.groups
            for container in group.template["spec"]["containers"]
            if container["name"] == group.container(trial.container)
        ]
    if problems := [problem for container, field in told for problem in variable_problems(container, field)]:
        raise InvalidManifest(problems)


def decision_variables(decisions: Mapping[str, Value]) -> dict[str, str]:
    """Return the variables that carry a candidate."""
    return {
        "EVONAS_DECISIONS": json.dumps(dict(decisions)),
        **{variable_name(name): to_text(value) for name, value in decisions.items()},
    }


def literal_env(variables: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the ``env`` of a container in which each variable has exactly the given value. In a value, the kubelet
    replaces ``$(NAME)`` and reads ``$$`` as one dollar, so every dollar is doubled.
    """
    return [{"name": name, "value": value.replace("$", "$$")} for name, value in variables.items()]


def to_text(value: Value) -> str:
    """Write a value for a shell: text unchanged, numbers and booleans as in JSON."""
    return value if isinstance(value, str) else json.dumps(value)
