"""Runs: one contestant on one problem with one seed, on some workers, for some GPU time."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import evonas.agents
from bench import kept
from bench.agents import peers
from bench.curves import fashion_mnist, searchers, simulation, syne_tune, synthetic
from bench.curves import problem as problems
from bench.curves.catalogue import TABLE, problem
from bench.curves.contestants import Contestant
from bench.curves.problem import Curve, Problem
from bench.curves.simulation import Ended, Foresees, Promotes, Searcher, simulate
from evonas import fidelity
from evonas.search import promotion

POINTS = 240
"""At which a run's regret is kept, evenly over its GPU time."""


@dataclass(frozen=True)
class Task:
    """What a run is."""

    contestant: Contestant
    problem: str
    seed: int
    trainings: int
    """The GPU time: that of so many full trainings of random candidates."""
    workers: int

    def path(self, folder: Path) -> Path:
        """Return the file of this run."""
        return folder / self.problem / f"{self.contestant.label}-x{self.workers}" / f"{self.seed:03d}.json"

    def identity(self) -> str:
        """Return a hash that changes when a repeated run could come out differently."""
        facts = [
            self.problem,
            self.seed,
            self.trainings,
            self.workers,
            _code(self.contestant.is_ours, self.problem == TABLE),
        ]
        return kept.identity([dict(self.contestant.description), *facts])


@dataclass(frozen=True)
class Run:
    """The outcome of a run."""

    identity: str
    regret: list[float]
    """[POINTS]: of the candidate with the best value at the end of a training, among those that ended before."""
    full: int
    """Trainings that went to their end."""
    stopped: int
    """Or paused, as often as that was."""
    diverged: int
    milliseconds: float
    """Mean time of all of the searcher's steps, per trial that ended."""


def run(task: Task) -> dict[str, Any]:
    """Run a search."""
    subject = problem(task.problem)
    searcher = _Timed(task.contestant.create(subject.space, task.seed, subject.rungs))
    until = task.trainings * subject.full / task.workers
    ended = list(
        simulate(
            searcher,
            lambda decisions, index: subject.train(decisions, task.seed, index),
            rungs=subject.rungs,
            workers=task.workers,
            start_up=subject.start_up,
            until=until,
        )
    )
    stopped = sum(trial.stopped for trial in ended)
    full = sum(trial.reward is not None for trial in ended)
    outcome = Run(
        task.identity(),
        regrets(subject, ended, until),
        full,
        stopped,
        len(ended) - stopped - full,
        1000 * searcher.seconds / max(1, len(ended)),
    )
    return asdict(outcome)


def regrets(subject: Problem, ended: Sequence[Ended], until: float) -> list[float]:
    """Return the incumbent's regret at each point; stopped trials have no final value, and are never it."""
    best, incumbent, steps = -np.inf, subject.unknown, iter(ended)
    trial = next(steps, None)
    regret = []
    for point in range(1, POINTS + 1):
        while trial is not None and trial.time <= until * point / POINTS:
            if trial.reward is not None and trial.reward > best:
                best, incumbent = trial.reward, subject.judge(trial.decisions)
            trial = next(steps, None)
        regret.append(incumbent)
    return regret


def run_all(tasks: Sequence[Task], folder: Path, jobs: int) -> Iterator[tuple[int, Task]]:
    """Run what has no kept outcome yet; yields how many are left and what was done, as runs end."""
    return kept.run_all(tasks, folder, jobs, run)


def load(task: Task, folder: Path) -> Run | None:
    """Return a kept run; None if there is none with this identity."""
    outcome = kept.load(task, folder)
    return None if outcome is None else Run(**outcome)


class _Timed:
    """A searcher, and how long its steps take."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self.seconds = 0.0

    def propose(self) -> Any:
        began = time.perf_counter()
        try:
            return self._searcher.propose()
        finally:
            self.seconds += time.perf_counter() - began

    def reach(self, index: int, step: int, value: float) -> bool:
        began = time.perf_counter()
        goes_on = self._searcher.reach(index, step, value)
        self.seconds += time.perf_counter() - began
        return goes_on

    def stop(self, index: int) -> None:
        began = time.perf_counter()
        self._searcher.stop(index)
        self.seconds += time.perf_counter() - began

    def observe(self, index: int, reward: float | None) -> None:
        began = time.perf_counter()
        self._searcher.observe(index, reward)
        self.seconds += time.perf_counter() - began

    def promote(self) -> int | None:
        return self._searcher.promote() if isinstance(self._searcher, Promotes) else None

    def foresee(self, index: int, curve: Curve) -> None:
        if isinstance(self._searcher, Foresees):
            self._searcher.foresee(index, curve)


@cache
def _code(is_ours: bool, from_table: bool) -> str:
    """Return a hash of everything that determines a run's outcome, except the contestant's settings."""
    files = [Path(str(module.__file__)) for module in (simulation, problems, sys.modules[__name__])]
    files += [Path(fashion_mnist.__file__), fashion_mnist.FILE] if from_table else [Path(synthetic.__file__)]
    if is_ours:
        files += [Path(str(module.__file__)) for module in (searchers, fidelity, promotion)]
        files += [Path(evonas.agents.__path__[0])]
    else:
        files += [Path(peers.__file__), Path(syne_tune.__file__)]
    return kept.code(files)
