"""Searches whose children may start from their parents' weights, each kept in a file, so that a benchmark resumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import evonas.agents
import evonas_trial
from bench import kept
from bench.inheritance import problems, weights
from bench.inheritance.problems import GUESSING, Trained, from_scratch, judge, problem
from evonas.agents import create_agent
from evonas.space import Choices
from evonas_trial.training.hardware import derived_seed

WARMUP = 5
"""Candidates without a parent at the start: half the default, so that most of a short search is children."""
POINTS = 10
"""Of the budget, at which the best candidate is judged."""


@dataclass(frozen=True)
class Contestant:
    """How children are trained."""

    inherits: bool
    """Whether a child starts from its parent's weights. Candidates without a parent are trained in full."""
    slices: bool
    """Whether it also inherits from tensors of other widths."""
    divisor: int
    """A training lasts this fraction of a full one."""


SCRATCH = "scratch"
CONTESTANTS = {
    SCRATCH: Contestant(inherits=False, slices=False, divisor=1),
    "scratch, 1/3": Contestant(inherits=False, slices=False, divisor=3),
    "inherit": Contestant(inherits=True, slices=False, divisor=1),
    "inherit, 1/3": Contestant(inherits=True, slices=False, divisor=3),
    "inherit slices, 1/3": Contestant(inherits=True, slices=True, divisor=3),
}


@dataclass(frozen=True)
class Task:
    """What a search is."""

    contestant: str
    agent: str
    problem: str
    seed: int
    trainings: int
    """The budget, in full trainings."""

    def path(self, folder: Path) -> Path:
        """Return the file of this search."""
        label = self.contestant.replace(", ", "-").replace(" ", "-").replace("/", "")
        return folder / self.problem / f"{self.agent}-{label}" / f"{self.seed:03d}.json"

    def identity(self) -> str:
        """Return a hash that changes when a repeated search could come out differently."""
        return kept.identity([asdict(self), asdict(CONTESTANTS[self.contestant]), _code()])


@dataclass(frozen=True)
class Search:
    """The outcome of a search."""

    identity: str
    worth: list[float]
    """[POINTS]: what the candidate with the best reward so far is worth, trained again from scratch."""
    as_trained: list[float]
    """[POINTS]: the accuracy on the test images of its network as the search has trained it."""
    trials: int
    children: int
    """Those of them that had a parent to start from."""
    inherited: float
    """Mean share of the weights of a child that came from its parent."""
    generations: int
    """The longest line of trainings that a network goes back to."""
    seconds: float
    """CPU time of all trainings."""


def search(task: Task) -> Search:
    """Search until the budget is spent, one trial at a time; a training that would exceed it does not count."""
    subject, contestant = problem(task.problem), CONTESTANTS[task.contestant]
    agent = create_agent(task.agent, subject.space, task.seed, {"warmup": WARMUP})
    trained: dict[int, tuple[Trained, int]] = {}
    budget, spent, seconds = task.trainings * subject.epochs, 0, 0.0
    best, changes = -np.inf, list[tuple[int, Choices, float]]()
    while True:
        proposal = agent.propose()
        # One that has diverged is nobody's parent.
        parent = trained[proposal.parent] if contestant.inherits and proposal.parent is not None else None
        choices, trial_seed = subject.space.to_choices(proposal.decisions), derived_seed(task.seed, proposal.index)
        short = subject.epochs // contestant.divisor
        if parent:
            state = parent[0].model.state_dict()
            outcome = subject.train(proposal.decisions, short, trial_seed, state, slices=contestant.slices)
        else:
            outcome = from_scratch(task.problem, choices, subject.epochs if contestant.inherits else short, trial_seed)
        spent += outcome.epochs
        if spent > budget:
            break
        seconds += outcome.seconds
        agent.observe(proposal.index, outcome.accuracy)
        trained[proposal.index] = outcome, parent[1] + 1 if parent else 1
        if outcome.accuracy is not None and outcome.accuracy > best:
            best = outcome.accuracy
            changes.append((spent, choices, subject.test(outcome)))
    leaders = [leader(changes, budget * point // POINTS) for point in range(1, POINTS + 1)]
    children = [outcome.inherited for outcome, generation in trained.values() if generation > 1]
    return Search(
        task.identity(),
        [GUESSING if choices is None else judge(task.problem, choices) for choices, _ in leaders],
        [accuracy for _, accuracy in leaders],
        len(trained),
        len(children),
        float(np.mean(children)) if children else 0.0,
        max(generation for _, generation in trained.values()),
        seconds,
    )


def leader(changes: Sequence[tuple[int, Choices, float]], spent: int) -> tuple[Choices | None, float]:
    """Return the leader at some point of the budget, and its accuracy, from those that ever were and since when."""
    choices: Choices | None = None
    accuracy = GUESSING
    for since, candidate, tested in changes:
        if since <= spent:
            choices, accuracy = candidate, tested
    return choices, accuracy


def run_all(tasks: Sequence[Task], folder: Path, jobs: int) -> Iterator[tuple[int, Task]]:
    """Run what has no kept result yet; yields how many are left and what was done."""
    return kept.run_all(tasks, folder, jobs, _outcome)


def load(task: Task, folder: Path) -> Search:
    """Return a kept search; KeyError if there is none with this identity."""
    outcome = kept.load(task, folder)
    if outcome is None:
        raise KeyError(task)
    return Search(**outcome)


def _outcome(task: Task) -> dict[str, Any]:
    return asdict(search(task))


@cache
def _code() -> str:
    """Return a hash of everything that determines an outcome."""
    ours = [Path(__file__), *(Path(str(module.__file__)) for module in (problems, weights))]
    return kept.code([Path(evonas.agents.__path__[0]), Path(evonas_trial.__path__[0]), *ours])
