"""Runs: one contestant on one problem with one seed, each in a separate file, so that a benchmark can resume."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bench import kept
from bench.agents import tables as shared
from bench.agents.contestants import Suggestion
from bench.fronts import problem as problems
from bench.fronts import synthetic, tables
from bench.fronts.catalogue import problem
from bench.fronts.contestants import Contestant
from bench.fronts.problem import Problem, Values
from evonas.domination import dominates


@dataclass(frozen=True)
class Task:
    """What a run is."""

    contestant: Contestant
    problem: str
    seed: int
    trials: int
    in_flight: int

    def path(self, folder: Path) -> Path:
        """Return the file of this run."""
        return folder / self.problem / f"{self.contestant.label}-x{self.in_flight}" / f"{self.seed:03d}.json"

    def identity(self) -> str:
        """Return a hash that changes when a repeated run could come out differently. Its length does not belong to it:
        a longer run begins as a shorter one.
        """
        return kept.identity([*self.contestant.identity(), self.problem, self.seed, self.in_flight, _code()])


@dataclass(frozen=True)
class Run:
    """The outcome of a run."""

    identity: str
    reported: list[float]
    """[trials]: the hypervolume of the true values of those candidates that are on the front of what was reported so
    far: what a user would take for the front."""
    tried: list[float]
    """[trials]: that of the true values of everything tried so far: what a user might find there by training all of it
    again. The same without noise."""
    milliseconds: float
    """Mean CPU time to propose and observe, per trial."""
    seconds: float
    """CPU time of the run."""


class _Found:
    """The front of what was reported, by its true values, and of everything by its true values."""

    def __init__(self, subject: Problem) -> None:
        self._subject = subject
        self._reported: list[tuple[Values, Values]] = []
        self._tried: list[Values] = []
        self.reported = 0.0
        self.tried = 0.0

    def add(self, reported: Values, true: Values) -> None:
        """Add a trial; of equal ones, the first is on the front, as in a search."""
        if not any(each == reported or dominates(each, reported) for each, _ in self._reported):
            left = [member for member in self._reported if not dominates(reported, member[0])]
            self._reported = [*left, (reported, true)]
            self.reported = self._subject.worth(np.array([each for _, each in self._reported]))
        if not any(each == true or dominates(each, true) for each in self._tried):
            self._tried = [*(each for each in self._tried if not dominates(true, each)), true]
            self.tried = self._subject.worth(np.array(self._tried))


def simulate(task: Task) -> Run:
    """Run a search: as many as ``in_flight`` trials are running, and the oldest reports next."""
    began = time.process_time()
    subject = problem(task.problem)
    references = tuple(axis.reference if task.contestant.is_told else -math.inf for axis in subject.axes)
    searcher = task.contestant.create(subject.space, task.seed, references)
    pending: deque[Suggestion] = deque()
    found = _Found(subject)
    reported: list[float] = []
    tried: list[float] = []
    spent, proposed = 0.0, 0
    while len(reported) < task.trials:
        asked = time.process_time()
        while len(pending) < task.in_flight and proposed < min(task.trials, subject.space.size):
            suggested = searcher.propose()
            if suggested is None:
                break
            pending.append(suggested)
            proposed += 1
        spent += time.process_time() - asked
        if not pending:
            break
        suggested = pending.popleft()
        values = subject.evaluate(suggested.decisions, task.seed, suggested.index)
        found.add(values, subject.judge(suggested.decisions))
        told = time.process_time()
        searcher.observe(suggested.index, values)
        spent += time.process_time() - told
        reported.append(found.reported)
        tried.append(found.tried)
    missing = task.trials - len(reported)
    return Run(
        task.identity(),
        reported + reported[-1:] * missing,
        tried + tried[-1:] * missing,
        spent / max(proposed, 1) * 1000,
        time.process_time() - began,
    )


def run_all(tasks: Sequence[Task], folder: Path, jobs: int) -> Iterator[tuple[int, Task]]:
    """Run what has no recorded result of that length yet; yields how many are left and what was done, as runs end."""
    return kept.run_all(tasks, folder, jobs, _outcome, load)


def load(task: Task, folder: Path) -> Run | None:
    """Return a recorded run, as long as it is to be; None if there is none with this identity."""
    outcome = kept.load(task, folder)
    if outcome is None or len(outcome["reported"]) < task.trials:
        return None
    shortened = {name: outcome[name][: task.trials] for name in ("reported", "tried")}
    return Run(**{**outcome, **shortened})


def _outcome(task: Task) -> dict[str, Any]:
    return asdict(simulate(task))


@cache
def _code() -> str:
    """Return a hash of the problems; that of a contestant belongs to it."""
    return kept.code([Path(str(module.__file__)) for module in (problems, synthetic, tables, shared)])
