"""Runs of searches with several objectives, made up: candidates drawn at random, then beside one of the front; larger
networks are better, slower, and need more energy.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from evonas.local.journal import open_journal
from evonas.recorded.search import Phase, RecordedSearch
from evonas.search.confirmation import ORIGIN
from evonas.search.objective import evaluate
from evonas.search.totals import Totals
from evonas.search.trial import ProposalRecord, Trial, TrialState
from evonas.search.trial_report import Report
from evonas.space import Value
from evonas.spec import SearchSpec
from tests.unit.search.support import NOW, succeeded

SPACE: list[dict[str, Any]] = [
    {"name": "depth", "values": [1, 2, 3, 4, 5, 6, 7, 8]},
    {"name": "width", "values": [8, 16, 24, 32, 48, 64, 96, 128]},
    {"name": "kernel", "values": [3, 5, 7]},
    {"name": "activation", "values": ["relu", "gelu", "tanh"]},
]
TWO: Sequence[Mapping[str, Any]] = (
    {"metric": "accuracy", "goal": "Maximize"},
    {"metric": "latency_ms", "goal": "Minimize"},
)
THREE = (*TWO, {"metric": "energy_mj", "goal": "Minimize"})
WARMUP = 12


def front_body(
    name: str = "search", *, objectives: Sequence[Mapping[str, Any]] = TWO, count: int = 60, **spec: Any
) -> dict[str, Any]:
    """Return a search with several objectives, or with a single one."""
    declared = {"objectives": [*objectives]} if len(objectives) > 1 else {"objective": objectives[0]}
    container = {"name": "trial", "image": "none", "command": ["true"]}
    return {
        "apiVersion": "evonas.dev/v1alpha1",
        "kind": "ArchitectureSearch",
        "metadata": {"name": name},
        "spec": {
            "searchSpace": SPACE,
            **declared,
            "agent": {"type": "Evolution", "seed": 0},
            "budget": {"maxTrials": max(count, 1), "maxFailedTrials": count},
            "trial": {"template": {"spec": {"containers": [container]}}},
            **spec,
        },
    }


def made_of(*values: tuple[float, float], objectives: Any = TWO) -> RecordedSearch:
    """Return a search that is over, with a result for each accuracy and latency."""
    trials = [
        succeeded(index, accuracy, metrics={"accuracy": accuracy, "latency_ms": latency, "energy_mj": 1.0})
        for index, (accuracy, latency) in enumerate(values)
    ]
    return RecordedSearch("here", front_body(objectives=objectives), tuple(trials), Phase.COMPLETE)


def front_trials(spec: SearchSpec, *, count: int = 60, seed: int = 0) -> list[Trial]:
    """Return trials: the first ones drawn at random, the others beside one of the front; one in eleven fails. If the
    search says so, its most valuable members are confirmed.
    """
    dice, trials, sequence = random.Random(seed), list[Trial](), 0
    for index in range(count):
        members = Totals(spec.objectives, trials).front.members
        if index < WARMUP or not members:
            trial = Trial(index, _drawn(dice), ProposalRecord("random", None, (), sequence))
        else:
            parent = dice.choice(members)
            name = dice.choice(SPACE)["name"]
            decisions = {**parent.decisions, name: dice.choice(_values(name))}
            trial = Trial(index, decisions, ProposalRecord("evolution", parent.index, (name,), sequence))
        times: dict[str, Any] = {
            "start_time": NOW + timedelta(seconds=60 * index),
            "completion_time": NOW + timedelta(seconds=60 * index + 50),
            "gpu_seconds": 50,
        }
        if index % 11 == 10:
            trials.append(replace(trial, state=TrialState.FAILED, reason="OOMKilled", message="out of memory", **times))
            continue
        sequence += 1
        trials.append(replace(_measured(spec, trial, dice), sequence=sequence, **times))
    confirmed = spec.confirm and Totals(spec.objectives, trials).front.most_valuable(spec.confirm.top)
    for leader in confirmed or ():
        assert spec.confirm is not None
        for repeat in range(1, spec.confirm.repeats + 1):
            proposal = ProposalRecord(ORIGIN, leader.index, (), sequence, repeat=repeat)
            moment = NOW + timedelta(hours=10, seconds=60 * len(trials))
            trial = Trial(len(trials), leader.decisions, proposal, start_time=moment, completion_time=moment)
            trials.append(_measured(spec, trial, dice))
    return trials


def write_front(folder: Path, name: str, *, seed: int = 0, **body: Any) -> Path:
    """Write the journal of such a run; returns its folder."""
    described = front_body(name, **body)
    journal = open_journal(folder / name, described)
    for trial in front_trials(SearchSpec.parse(described), count=body.get("count", 60), seed=seed):
        journal.write(trial)
    journal.close()
    return folder / name


def _measured(spec: SearchSpec, trial: Trial, dice: random.Random) -> Trial:
    size = float(trial.decisions["depth"]) * float(trial.decisions["width"])
    bonus = {"relu": 0.0, "gelu": 0.01, "tanh": -0.03}[str(trial.decisions["activation"])]
    kernel = float(trial.decisions["kernel"])
    metrics = {
        "accuracy": round(0.95 - 0.6 / (1 + size / 40) + bonus + 0.004 * kernel + dice.gauss(0, 0.006), 4),
        "latency_ms": round(0.6 * float(trial.decisions["depth"]) + size * kernel / 120 + abs(dice.gauss(0, 0.1)), 3),
        "energy_mj": round(2 + size / 30 + 3 * (trial.decisions["activation"] == "gelu"), 3),
        "parameters": size * kernel * kernel,
    }
    found = evaluate(spec.objectives, Report(metrics=metrics))
    state = TrialState.INFEASIBLE if found.infeasible else TrialState.SUCCEEDED
    return replace(trial, state=state, reason=found.reason, message=found.message, reward=found.reward, metrics=metrics)


def _drawn(dice: random.Random) -> dict[str, Value]:
    return {item["name"]: dice.choice(item["values"]) for item in SPACE}


def _values(name: object) -> list[Value]:
    (values,) = (item["values"] for item in SPACE if item["name"] == name)
    return list(values)
