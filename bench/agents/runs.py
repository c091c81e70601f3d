"""Runs: one contestant on one problem with one seed, each in a separate file, so that a benchmark can resume."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import evonas.agents
from bench import kept
from bench.agents import model_based, peers, supernetwork, syne_tune, synthetic, tables
from bench.agents.catalogue import problem
from bench.agents.contestants import Contestant, Suggestion
from bench.agents.problem import Problem
from evonas.agents import Recommending


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
        """Return a hash that changes when a repeated run could come out differently."""
        return kept.identity(
            [self.contestant.description, self.problem, self.seed, self.trials, self.in_flight, code()]
        )


@dataclass(frozen=True)
class Run:
    """The outcome of a run."""

    identity: str
    rewards: list[float]
    """[trials]: what each trial reported; infeasible ones repeat the worst before."""
    worth: list[float]
    """[trials]: what the candidate is worth that the searcher recommends or, where it recommends none, the one with the
    best report so far."""
    milliseconds: float
    """Mean time to propose and observe, per trial."""


def simulate(task: Task) -> Run:
    """Run a search: ``in_flight`` trials are always running, and the oldest reports next."""
    subject = problem(task.problem)
    searcher = task.contestant.create(subject.space, task.seed)
    pending: deque[Suggestion] = deque()
    rewards: list[float] = []
    worth: list[float] = []
    best, spent, proposed = -np.inf, 0.0, 0
    while len(worth) < task.trials:
        began = time.perf_counter()
        while len(pending) < task.in_flight and proposed < min(task.trials, subject.space.size):
            pending.append(searcher.propose())
            proposed += 1
        spent += time.perf_counter() - began
        if not pending:
            break
        suggested = pending.popleft()
        reward = subject.evaluate(suggested.decisions, task.seed, suggested.index)
        if reward is not None and reward > best:
            best, incumbent = reward, subject.judge(suggested.decisions)
        began = time.perf_counter()
        searcher.observe(suggested.index, reward)
        spent += time.perf_counter() - began
        rewards.append(reward if reward is not None else min(rewards, default=0.0))
        recommended = searcher.recommendation if isinstance(searcher, Recommending) else None
        if recommended is not None:
            worth.append(subject.judge(recommended.decisions))
        else:
            worth.append(incumbent if best > -np.inf else np.nan)
        if _is_solved(subject, worth[-1]):
            break
    missing = task.trials - len(worth)
    return Run(
        task.identity(),
        rewards,
        worth + worth[-1:] * missing,
        spent / len(worth) * 1000,
    )


def run_all(tasks: Sequence[Task], folder: Path, jobs: int) -> Iterator[tuple[int, Task]]:
    """Run what has no recorded result yet; yields how many are left and what was done, as runs end."""
    return kept.run_all(tasks, folder, jobs, _outcome)


def load(task: Task, folder: Path) -> Run | None:
    """Return a recorded run; None if there is none with this identity."""
    outcome = kept.load(task, folder)
    return None if outcome is None else Run(**outcome)


def _outcome(task: Task) -> dict[str, Any]:
    return asdict(simulate(task))


def _is_solved(subject: Problem, worth: float) -> bool:
    return subject.report is None and subject.optimum is not None and worth >= subject.optimum - 1e-9


@cache
def code() -> str:
    """Return a hash of everything that determines a run's outcome, except the contestants' settings."""
    ours = [Path(str(module.__file__)) for module in (model_based, peers, supernetwork, syne_tune, synthetic, tables)]
    return kept.code([Path(evonas.agents.__path__[0]), *ours])
