"""Runs: one contestant on one problem with one seed, each in a separate file, so that a benchmark can resume."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import evonas.agents
from bench.agents import peers, synthetic, tables
from bench.agents.catalogue import problem
from bench.agents.contestants import Contestant, Suggestion
from bench.agents.problem import Problem
from evonas.local.processes.supervise import write_whole


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
        facts = [self.contestant.description, self.problem, self.seed, self.trials, self.in_flight, _code()]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Run:
    """The outcome of a run."""

    identity: str
    rewards: list[float]
    """[trials]: what each trial reported; infeasible ones repeat the worst before."""
    worth: list[float]
    """[trials]: what the candidate with the best report so far is worth."""
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
    open_tasks = [task for task in tasks if load(task, folder) is None]
    # One thread each, of PyTorch as of NumPy, who read this when they are imported: in a fresh interpreter, not a fork.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_run_and_keep, task, folder): task for task in open_tasks}
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            yield len(open_tasks) - done, futures[future]


def load(task: Task, folder: Path) -> Run | None:
    """Return a recorded run; None if there is none with this identity."""
    path = task.path(folder)
    if not path.exists():
        return None
    run = Run(**json.loads(path.read_text(encoding="utf-8")))
    return run if run.identity == task.identity() else None


def _run_and_keep(task: Task, folder: Path) -> None:
    path = task.path(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(asdict(simulate(task))))


def _is_solved(subject: Problem, worth: float) -> bool:
    return subject.report is None and subject.optimum is not None and worth >= subject.optimum - 1e-9


@cache
def _code() -> str:
    """Return a hash of everything that determines a run's outcome, except the contestants' settings."""
    agents = sorted(Path(evonas.agents.__path__[0]).glob("*.py"))
    ours = [Path(str(module.__file__)) for module in (peers, synthetic, tables)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in [*agents, *ours])).hexdigest()
