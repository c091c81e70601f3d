"""A search, most often with rungs, run in memory by the real plan and the real proposer; curves from a formula."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evonas.local.journal import open_journal
from evonas.recorded.search import Phase, RecordedSearch
from evonas.search.attempt import AttemptPhase, AttemptView, Ending, Verdict
from evonas.search.codec import to_time
from evonas.search.pausing import find_until
from evonas.search.plan import Plan, plan
from evonas.search.proposer import Proposer
from evonas.search.table import TrialTable
from evonas.search.totals import RunningTotals
from evonas.search.trial import Trial
from evonas.search.trial_progress import Progress
from evonas.search.trial_report import parse_message
from evonas.spec import SearchSpec
from tests.unit.search.simulation import SPACE
from tests.unit.search.support import NOW, search_body

Curve = Callable[[Trial, int], float]

TWO: Mapping[str, Any] = {"objectives": [{"metric": "accuracy"}, {"metric": "latency_ms", "goal": "Minimize"}]}
"""Fields of a search that has two objectives instead of one."""


LAST = 9
"""The length of a training in a search without rungs."""


def accuracy(trial: Trial, step: int) -> float:
    """Return a curve that rises at its own speed, and crosses others."""
    height = 0.3 + 0.1 * float(trial.decisions["blocks"]) - float(trial.decisions["rate"])
    speed = 2.0 if trial.decisions["wide"] else 0.5
    return height * (1 - math.exp(-speed * step / 3))


def latency(trial: Trial, step: int) -> float:
    """Return what is known from the first step on, and worse for those that learn well."""
    return 4.0 * float(trial.decisions["blocks"]) + 2.0 * float(trial.decisions["wide"])


class Climb:
    """One search; ``run`` yields each plan after it was carried out."""

    def __init__(
        self,
        spec: SearchSpec,
        curve: Curve = accuracy,
        *,
        others: Mapping[str, Callable[[Trial, int], float | None]] = MappingProxyType({"latency_ms": latency}),
        seed: int = 1,
        failing: int = 0,
    ) -> None:
        """The ``curve`` is that of the accuracy; ``others`` are those of further metrics, reported where they are
        objectives and not None. Of ``failing`` trials, one breaks down after its second step.
        """
        self.spec = spec
        self.table = TrialTable()
        self.proposer = Proposer(spec)
        asked = {objective.name for objective in spec.objectives}
        self._curve, self._others = curve, {name: each for name, each in others.items() if name in asked}
        self._failing = failing
        self._dice = random.Random(seed)
        self._steps: dict[int, int] = {}
        self._begun: dict[int, datetime] = {}
        self._totals = RunningTotals(spec.objectives)
        self._now = NOW

    @property
    def trials(self) -> list[Trial]:
        """All trials by index."""
        return sorted(self.table, key=lambda trial: trial.index)

    def run(self, restarts: Collection[int] = ()) -> Iterator[Plan]:
        """Advance until the search is over; the process starts again when there are ``restarts`` trials."""
        while True:
            if len(self.table) in restarts:
                self.proposer = Proposer(self.spec)
            decided = self._advance()
            yield decided
            if decided.is_over:
                return
            running = sorted(self.table.unfinished)
            if running:
                self._steps[self._dice.choice(running)] += 1

    def _advance(self) -> Plan:
        unfinished = [self.table.unfinished[index] for index in sorted(self.table.unfinished)]
        views = {trial.index: self._view(trial) for trial in unfinished}
        self._now += timedelta(seconds=10)
        decided = plan(
            self.spec,
            self._totals.update(self.table),
            unfinished,
            views,
            created={},
            start_time=NOW,
            now=self._now,
            paused=self.table.paused,
        )
        for trial in decided.records:
            self.table.put(trial)
        for trial in decided.promotions:
            self._begun[trial.index] = self._now
        proposed = list(decided.confirmations)
        if decided.proposals:
            proposed += self.proposer.propose(self.proposer.collect(self.table), decided.proposals)
        for trial in proposed:
            self.table.put(trial)
            self._steps[trial.index] = 0
            self._begun[trial.index] = self._now
        return decided

    def _metrics(self, trial: Trial, step: int) -> dict[str, float]:
        others = {name: curve(trial, step) for name, curve in self._others.items()}
        return {
            "accuracy": self._curve(trial, step),
            **{name: value for name, value in others.items() if value is not None},
        }

    def _view(self, trial: Trial) -> AttemptView:
        step, steps = self._steps[trial.index], (LAST,) if self.spec.fidelity is None else self.spec.fidelity.steps
        end = find_until(self.spec, trial) or steps[-1]
        values = {rung: self._metrics(trial, rung) for rung in steps if rung <= step}
        progress = Progress(step, self._metrics(trial, step), values) if step else None
        ending = None
        if self._failing and trial.index % self._failing == self._failing - 1 and step >= 2:
            ending = Ending(Verdict.USELESS, "DeadlineExceeded")
        elif math.isnan(self._curve(trial, max(step, 1))):
            ending = Ending(Verdict.INFEASIBLE, "Infeasible") if step >= end else None
        elif step >= end:
            said = parse_message(json.dumps({"metrics": self._metrics(trial, step)}))
            ending = Ending(Verdict.REPORTED, report=said)
        return AttemptView(
            trial.current_attempt,
            AttemptPhase.RUNNING if ending is None else AttemptPhase.ENDED,
            held_since=self._begun[trial.index],
            start_time=self._begun[trial.index],
            end_time=None if ending is None else self._now,
            ending=ending,
            progress=progress,
        )


def climbed_record(agent: str = "Random", count: int = 30, *, curve: Curve = accuracy, **spec: Any) -> RecordedSearch:
    """Return the record of a search with rungs 1, 3 and 9 that is over; each of its trials had a GPU."""
    body = climbing_body(agent, count, **spec)
    identity = {"uid": "0f0e", "creationTimestamp": to_time(NOW)}
    recorded = {**body, "metadata": {**body["metadata"], **identity}}
    return RecordedSearch("climbing", recorded, tuple(climbed(body, curve)), Phase.COMPLETE)


def write_climb(folder: Path, name: str, agent: str = "Random", count: int = 30, **spec: Any) -> Path:
    """Write the journal of such a search, as ``evonas run`` would; returns its folder."""
    body = {**climbing_body(agent, count, **spec), "metadata": {"name": name}}
    journal = open_journal(folder / name, body)
    for trial in climbed(body, accuracy):
        journal.write(trial)
    journal.close()
    return folder / name


def climbed(body: Mapping[str, Any], curve: Curve) -> list[Trial]:
    """Return the trials of a search that is over."""
    climb = Climb(SearchSpec.parse(body), curve)
    for _ in climb.run():
        pass
    return climb.trials


def climbing_body(agent: str, count: int, **spec: Any) -> dict[str, Any]:
    """Return a search with rungs 1, 3 and 9, or what ``spec`` says instead."""
    fields = {
        "searchSpace": SPACE,
        **({} if "objectives" in spec else {"objective": {"metric": "accuracy"}}),
        "budget": {"maxTrials": count, "parallelTrials": 3},
        "agent": {"type": agent, "warmup": 4},
        "fidelity": {"rungs": {"min": 1, "max": 9, "factor": 3}},
        "gpus": 1,
        **spec,
    }
    return search_body(**fields)
