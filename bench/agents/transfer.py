"""``python -m bench.agents.transfer``: what knowledge of earlier searches is worth, and what it costs if it misleads.

Each problem of a collection of tables is searched with knowledge of searches of all others of the collection: 300
trials each, by EvoNAS with other seeds. "Misleading": their rewards are negated. "Unrelated": they are shuffled.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from bench import kept
from bench.agents import runs, syne_tune, tables
from bench.agents.catalogue import problem
from bench.agents.contestants import CONTESTANTS, Contestant, Searcher
from bench.agents.report import worth_of
from bench.agents.statistics import at_budget, difference, estimate, mean_over
from bench.choosing import split
from bench.printing import markdown_head, markdown_row
from evonas.agents import NO_EXPERIENCE, EarlierTask, Experience, create_agent
from evonas.agents.curves import outlook
from evonas.errors import EvonasError
from evonas.space import Choices, SearchSpace

COLLECTIONS: dict[str, tuple[str, ...]] = {
    "hpobench": tables.HPOBENCH,
    "hpolib": tables.HPOLIB,
    "nasbench201": tables.NASBENCH201,
}
EARLIER_TRIALS, EARLIER_SEEDS = 300, 10_000
"""Length of an earlier search; its seed is larger by that."""
BUDGETS = (5, 10, 25, 50, 100)
COLD = "EvoNAS cold"


@dataclass(frozen=True)
class Condition:
    """An agent, or a method of Syne Tune's, and what it knows."""

    type: str
    knows: str
    """``nothing``, what is ``true``, ``misleading`` or ``unrelated``."""
    settings: Mapping[str, Any]


CONDITIONS = {
    COLD: Condition("EvoNAS", "nothing", {}),
    "EvoNAS with knowledge": Condition("EvoNAS", "true", {}),
    "EvoNAS with knowledge and untrained policy": Condition("EvoNAS", "true", {"policy": {"training": "None"}}),
    "EvoNAS with misleading knowledge": Condition("EvoNAS", "misleading", {}),
    "EvoNAS with unrelated knowledge": Condition("EvoNAS", "unrelated", {}),
    "Neural cold": Condition("Neural", "nothing", {}),
    "Neural with knowledge": Condition("Neural", "true", {}),
    **{f"Syne Tune's {method}": Condition(method, "true", {}) for method in syne_tune.METHODS},
}


@dataclass(frozen=True)
class EarlierSearch:
    """A search that others learn from: its candidates and rewards are kept."""

    problem: str
    seed: int

    def path(self, folder: Path) -> Path:
        """Return its file."""
        return folder / self.problem / f"earlier-{self.seed:03d}.json"

    def identity(self) -> str:
        """Return a hash that changes when it could come out differently."""
        return kept.identity([self.problem, self.seed, EARLIER_TRIALS, runs.code()])


def _search(task: EarlierSearch) -> dict[str, Any]:
    subject = problem(task.problem)
    agent = CONTESTANTS["evonas"].create(subject.space, task.seed)
    results = []
    for index in range(EARLIER_TRIALS):
        suggested = agent.propose()
        reward = subject.evaluate(suggested.decisions, task.seed, index)
        agent.observe(suggested.index, reward)
        results.append([subject.space.to_choices(suggested.decisions), reward])
    return {"identity": task.identity(), "results": results}


def _earlier(others: Sequence[str], seed: int, folder: Path) -> dict[str, list[tuple[Choices, float | None]]]:
    searches = {}
    for name in others:
        found = kept.load(EarlierSearch(name, seed + EARLIER_SEEDS), folder)
        assert found is not None, "every earlier search was run"
        searches[name] = [(tuple(choices), reward) for choices, reward in found["results"]]
    return searches


def _experience(others: Sequence[str], seed: int, knows: str, folder: Path) -> Experience:
    if knows == "nothing":
        return NO_EXPERIENCE
    earlier = _earlier(others, seed, folder)
    return Experience(tuple(_task(name, results, knows, seed) for name, results in earlier.items()))


def _task(name: str, results: Sequence[tuple[Choices, float | None]], knows: str, seed: int) -> EarlierTask:
    rewards = np.array([-np.inf if reward is None else reward for _, reward in results])
    if knows == "misleading":
        rewards = -rewards
    elif knows == "unrelated":
        rewards = np.random.default_rng(seed).permutation(rewards)
    scores = outlook([()] * len(results), rewards).expected.tolist()
    names = tuple(decision.name for decision in problem(name).space.decisions)
    return EarlierTask.of(name, names, [(each, score) for (each, _), score in zip(results, scores, strict=True)])


def _create(condition: Condition, others: Sequence[str], folder: Path, space: SearchSpace, seed: int) -> Searcher:
    if condition.type in syne_tune.METHODS:
        earlier = _earlier(others, seed, folder)
        feasible = {name: [(c, r) for c, r in results if r is not None] for name, results in earlier.items()}
        return syne_tune.SyneTuneTransfer(condition.type, space, seed, feasible)
    experience = _experience(others, seed, condition.knows, folder)
    return create_agent(condition.type, space, seed, condition.settings, experience)


def _contestant(label: str, others: Sequence[str], folder: Path) -> Contestant:
    condition = CONDITIONS[label]
    described = {**vars(condition), "others": others, "earlier": [EARLIER_TRIALS, EARLIER_SEEDS]}
    return Contestant(label, partial(_create, condition, others, folder), description=described)


@click.command()
@click.option("--collections", default=",".join(COLLECTIONS), show_default=True, help="Collections of tables.")
@click.option("--conditions", default="", help="Beginnings of the rows to show, separated by commas. Default: all.")
@click.option("--seeds", default=24, show_default=True, help="Runs of each row on each problem.")
@click.option("--jobs", default=os.cpu_count(), show_default=True, help="Processes.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("bench/results/transfer"),
    show_default=True,
    help="Folder of the recorded runs; those found there are not run again.",
)
def main(collections: str, conditions: str, seeds: int, jobs: int, results: Path) -> None:
    """Compare searches with and without knowledge of earlier ones."""
    console = Console(stderr=True)
    if unknown := [name for name in split(collections) if name not in COLLECTIONS]:
        raise click.BadParameter(f"unknown {', '.join(unknown)}; there are {', '.join(COLLECTIONS)}")
    wanted = _choose(conditions, console)
    problems = {name: [f"{name}-{data_set}" for data_set in COLLECTIONS[name]] for name in split(collections)}
    everyone = [name for names in problems.values() for name in names]
    earlier = [EarlierSearch(name, seed + EARLIER_SEEDS) for name in everyone for seed in range(seeds)]
    for left, search in kept.run_all(earlier, results, jobs, _search):
        console.print(f"{left:>5} left  earlier {search.problem} {search.seed}", highlight=False)
    tasks = {
        (label, name): [
            runs.Task(_contestant(label, [o for o in names if o != name], results), name, seed, BUDGETS[-1], 1)
            for seed in range(seeds)
        ]
        for names in problems.values()
        for name in names
        for label in (COLD, *wanted)
    }
    for left, task in runs.run_all([each for some in tasks.values() for each in some], results, jobs):
        console.print(f"{left:>5} left  {task.problem} {task.contestant.label} {task.seed}", highlight=False)
    found = {key: [run for task in some if (run := runs.load(task, results))] for key, some in tasks.items()}
    worth = {key: worth_of(some) for key, some in found.items()}
    for collection, names in problems.items():
        click.echo(_table(collection, names, wanted, worth, found))
    click.echo(_reached(wanted, everyone, worth))


def _choose(conditions: str, console: Console) -> list[str]:
    """Return the rows that can be shown here."""
    wanted = [label for label in CONDITIONS if not conditions or label.startswith(tuple(split(conditions)))]
    here = [label for label in wanted if CONDITIONS[label].type not in syne_tune.METHODS or find_spec("syne_tune")]
    for label in sorted({*wanted} - {*here}):
        console.print(f"{label} is left out: syne_tune is not installed", highlight=False)
    return here


def _table(
    collection: str,
    names: Sequence[str],
    labels: Sequence[str],
    worth: Mapping[tuple[str, str], NDArray[np.float64]],
    found: Mapping[tuple[str, str], Sequence[runs.Run]],
) -> str:
    """Return the regrets of one collection."""
    head = [f"**{collection}**", *(f"{budget} trials" for budget in BUDGETS), "to cold at 50", "ms a step"]
    lines = markdown_head(head)
    cold = mean_over([worth[COLD, name] for name in names])
    for label in labels:
        mean = mean_over([worth[label, name] for name in names])
        against = difference(estimate(at_budget(mean, 50)), estimate(at_budget(cold, 50)))
        step = np.mean([run.milliseconds for name in names for run in found[label, name]])
        cells = [str(estimate(at_budget(mean, budget))) for budget in BUDGETS]
        lines.append(markdown_row([label, *cells, f"{against:+.1f}", f"{step:.1f}"]))
    return "\n".join(lines) + "\n"


def _reached(labels: Iterable[str], names: Sequence[str], worth: Mapping[tuple[str, str], NDArray[np.float64]]) -> str:
    """Return after how many trials the mean over seeds is where a cold EvoNAS ends; 101 if never."""
    lines = markdown_head(["trials until a cold EvoNAS' quality after 100", "mean", "each problem"])
    for label in labels:
        trials = []
        for name in names:
            curve, goal = worth[label, name].mean(axis=0), float(worth[COLD, name].mean(axis=0)[-1])
            reached = np.flatnonzero(curve >= goal - 1e-12)
            trials.append(int(reached[0]) + 1 if len(reached) else len(curve) + 1)
        lines.append(markdown_row([label, f"{np.mean(trials):.1f}", ", ".join(map(str, trials))]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    try:
        main()
    except EvonasError as error:
        raise SystemExit(f"error: {error}") from error
