"""A search run in memory: the real proposer and the real records, rewards from a formula."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evonas.agents import NO_EXPERIENCE, Experience
from evonas.local.journal import open_journal
from evonas.recorded.knowledge_record import Knowledge, experience_of
from evonas.search.backlog import Decisions, Result, TriedCandidates, due_imports, listed_trials
from evonas.search.objective import Evaluation, evaluate
from evonas.search.proposer import Proposer
from evonas.search.settle import take_over
from evonas.search.table import TrialTable
from evonas.search.totals import Totals
from evonas.search.trial import Trial, TrialState
from evonas.search.trial_report import Report
from evonas.spec import SearchSpec
from tests.unit.search.support import NOW

SPACE = [
    {"name": "blocks", "values": [1, 2, 3]},
    {"name": "kernel", "values": [3, 5], "when": {"name": "blocks", "values": [3]}},
    {"name": "wide", "values": [True, False]},
    {"name": "rate", "range": {"min": 0.001, "max": 0.1, "scale": "log", "steps": 20}},
]


def simulate(
    spec: SearchSpec,
    count: int = 30,
    results: Sequence[Result] = (),
    listed: Mapping[int, Decisions] = MappingProxyType({}),
    restarts: Collection[int] = (),
    experience: Experience = NO_EXPERIENCE,
) -> list[Trial]:
    """Run a search in memory: three at a time, ending out of order, one in six failing, one in seven infeasible.

    It begins with ``results`` from elsewhere. The user lists a candidate, and the process starts again, when there are
    so many trials.
    """
    dice, proposer, table, sequence = random.Random(1), Proposer(spec, experience), TrialTable(), len(results)
    for place, trial in enumerate(due_imports(results, Totals(spec.objectives), ()), start=1):
        assert trial.imported is not None
        table.put(replace(take_over(trial, trial.imported, NOW), sequence=place))
    while len(table) < count or table.unfinished:
        if len(table) in restarts:
            proposer = Proposer(spec, experience)
        wanted = [candidate for number, candidate in listed.items() if number <= len(table)]
        turns = TriedCandidates().untried(wanted, table)[: 3 - len(table.unfinished)]
        for trial in listed_trials(turns, Totals(spec.objectives, table)):
            table.put(trial)
        room = min(3 - len(table.unfinished), count - len(table))
        for trial in proposer.propose(proposer.collect(table), room) if room > 0 else ():
            table.put(trial)
        trial = table.unfinished[dice.choice(sorted(table.unfinished))]
        now = NOW + timedelta(seconds=sequence * 10)
        ended: dict[str, Any] = {"start_time": NOW, "completion_time": now, "gpu_seconds": 360}
        if trial.index % 6 == 5:
            table.put(replace(trial, state=TrialState.FAILED, **ended))
            continue
        sequence += 1
        if trial.index % 7 == 6:
            table.put(replace(trial, state=TrialState.INFEASIBLE, sequence=sequence, **ended))
        else:
            table.put(replace(_measured(spec, trial), sequence=sequence, **ended))
    return sorted(table, key=lambda trial: trial.index)


def _measured(spec: SearchSpec, trial: Trial) -> Trial:
    # Only a repeat shows that rewards are noisy.
    luck = 0.004 * (trial.index % 5 - 2) * trial.is_repeat
    accuracy = 0.1 * float(trial.decisions["blocks"]) - float(trial.decisions["rate"]) + luck
    latency = 4.0 * float(trial.decisions["blocks"]) + 2.0 * float(trial.decisions["wide"])
    report = Report(reward=None, metrics={"accuracy": accuracy, "latency_ms": latency})
    found = evaluate(spec.objectives, report) if spec.objective.metric else Evaluation((accuracy,))
    state = TrialState.INFEASIBLE if found.infeasible else TrialState.SUCCEEDED
    return replace(trial, state=state, reason=found.reason, reward=found.reward, metrics=report.metrics)


def write_run(
    folder: Path,
    name: str,
    *,
    seed: int = 0,
    agent: str = "Evolution",
    count: int = 30,
    constraints: Sequence[Mapping[str, Any]] = (),
    labels: Mapping[str, str] = MappingProxyType({}),
    knowledge: Knowledge | None = None,
) -> Path:
    """Write the journal of a simulated search, as ``evonas run`` would; returns its folder.

    Its trials report accuracy and latency_ms, 4 to 14.
    """
    container = {"name": "trial", "image": "none", "command": ["true"]}
    body = {
        "apiVersion": "evonas.dev/v1alpha1",
        "kind": "ArchitectureSearch",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {
            "searchSpace": SPACE,
            "objective": {"metric": "accuracy", **({"constraints": [*constraints]} if constraints else {})},
            "agent": {"type": agent, "seed": seed, "warmup": 4},
            "budget": {"maxTrials": count},
            "trial": {"template": {"spec": {"containers": [container]}}},
        },
    }
    journal = open_journal(folder / name, body)
    if knowledge is not None:
        journal.write_knowledge(knowledge)
    for trial in simulate(SearchSpec.parse(body), count, experience=experience_of(knowledge)):
        journal.write(trial)
    journal.close()
    return folder / name
