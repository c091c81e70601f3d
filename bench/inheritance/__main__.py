"""``python -m bench.inheritance``: does a child that starts from its parent's weights save training?

Searches with our agents train real networks: from scratch; for a third of the epochs; from the parent's weights, which
are those tensors that match in name and shape, or the channels that both have; and both. Every search may spend the
same number of epochs. The reward of a network with many ancestors tells more of its long training than of its
candidate, so the best candidate at each tenth of the budget is trained again from scratch, in full and with fresh
seeds, and tested on images that no search has seen. What is run is kept, and the same command goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from bench.agents.statistics import at_budget, estimate, share_to_reach
from bench.choosing import split
from bench.inheritance.problems import PROBLEMS
from bench.inheritance.searches import CONTESTANTS, POINTS, SCRATCH, Search, Task, load, run_all
from bench.printing import print_rows
from evonas.errors import EvonasError

SHARES = (0.2, 0.5, 1.0)
"""Of the budget, at which the table shows what the best candidate is worth."""


@click.command()
@click.option("--problems", default=",".join(PROBLEMS), show_default=True, help="Names, separated by commas.")
@click.option("--agents", default="EvoNAS,Evolution", show_default=True, help="Types, separated by commas.")
@click.option("--seeds", default=16, show_default=True, help="Searches of each contestant.")
@click.option("--first-seed", default=0, show_default=True, help="The seed of the first of them.")
@click.option("--trainings", default=20, show_default=True, help="Budget of a search, in full trainings.")
@click.option("--jobs", default=2, show_default=True, help="Processes.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("bench/results/inheritance"),
    show_default=True,
    help="Folder of the kept searches; those found there are not run again.",
)
def main(problems: str, agents: str, seeds: int, first_seed: int, trainings: int, jobs: int, results: Path) -> None:
    """Compare searches with and without inheritance at equal training."""
    console = Console(stderr=True)
    if unknown := [name for name in split(problems) if name not in PROBLEMS]:
        raise EvonasError(f"--problems: unknown {', '.join(unknown)}; there are {', '.join(PROBLEMS)}")
    cells = list(product(split(problems), split(agents)))
    tasks = [
        Task(contestant, agent, name, seed, trainings)
        for seed, (name, agent), contestant in product(range(first_seed, first_seed + seeds), cells, CONTESTANTS)
    ]
    for left, task in run_all(tasks, results, jobs):
        console.print(f"{left:>5} left  {task.problem} {task.agent} {task.contestant} {task.seed}", highlight=False)
    for name, agent in cells:
        searches: dict[str, list[Search]] = {label: [] for label in CONTESTANTS}
        for task in tasks:
            if (task.problem, task.agent) == (name, agent):
                searches[task.contestant].append(load(task, results))
        print_rows(f"{name}, {agent}, {seeds} seeds, epochs of {trainings} full trainings", rows(searches, trainings))


def rows(searches: Mapping[str, Sequence[Search]], trainings: int) -> list[dict[str, str]]:
    """Return the table's rows, accuracies in per cent with their standard errors."""
    worth = {label: 100 * np.array([search.worth for search in some]) for label, some in searches.items()}
    goal = float(worth[SCRATCH].mean(axis=0)[-1])
    made = []
    for label, some in searches.items():
        row = {"trainings": label}
        row |= {
            f"after {share * trainings:g}": _mean(at_budget(worth[label], round(share * POINTS))) for share in SHARES
        }
        row[f"until scratch's {goal:.2f}"] = _until(worth[label], goal, trainings)
        row["as trained"] = _mean(100 * np.array([search.as_trained[-1] for search in some]))
        row["trials"] = f"{np.mean([search.trials for search in some]):.0f}"
        row["children"] = f"{np.mean([search.children for search in some]):.0f}"
        row["inherited"] = f"{np.mean([search.inherited for search in some]):.0%}"
        row["generations"] = f"{np.mean([search.generations for search in some]):.1f}"
        row["CPU s"] = f"{np.mean([search.seconds for search in some]):.1f}"
        made.append(row)
    return made


def _mean(values: NDArray[np.float64]) -> str:
    found = estimate(values)
    return f"{found.mean:.2f} ({found.error:.2f})"


def _until(worth: NDArray[np.float64], goal: float, trainings: int) -> str:
    """Return the training until the mean reaches the goal, with a 95 % interval."""
    share, low, high = share_to_reach(worth, goal)
    reached = "never" if worth.mean(axis=0).max() < goal else f"{share * trainings:g}"
    return f"{reached} [{low * trainings:g}, {high * trainings:g}]"


if __name__ == "__main__":
    try:
        main()
    except EvonasError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
