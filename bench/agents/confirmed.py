"""``python -m bench.agents.confirmed``: is the winner better if part of the budget is spent on training leaders again?

The same number of trials is spent with and without ``spec.confirm``. Without it, the winner has the best reward; with
it, the best mean of its confirmations. NAS-Bench-201, a trial reports one training seed; see ``tables``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from bench.agents.catalogue import problem
from bench.agents.contestants import CONTESTANTS
from bench.agents.problem import Decisions
from bench.agents.statistics import estimate
from bench.agents.tables import NASBENCH201

TOP, REPEATS = 3, 3
"""The manifest's defaults."""


@click.command()
@click.option(
    "--agents", default="evonas,evolution,random,optuna-tpe,optuna-agent", show_default=True, help="Contestants."
)
@click.option("--trials", default="100,300", show_default=True, help="Trials in all, confirmations included.")
@click.option("--seeds", default=16, show_default=True, help="Runs of each on each data set.")
@click.option("--first-seed", default=0, show_default=True, help="The seed of the first of them.")
@click.option("--jobs", default=os.cpu_count(), show_default=True, help="Processes.")
def main(agents: str, trials: str, seeds: int, first_seed: int, jobs: int) -> None:
    """Compare the winner's mean regret with and without confirmation."""
    table = Table("agent", "trials", "best reward", f"best mean of {TOP} x {REPEATS} confirmations")
    labels, budgets = agents.split(","), [int(budget) for budget in trials.split(",")]
    runs = range(first_seed, first_seed + seeds)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for label, budget in product(labels, budgets):
            cells = []
            for confirming in (False, True):
                tasks = [(label, name, seed, budget, confirming) for seed in runs for name in NASBENCH201]
                worth = np.array(list(pool.map(_winner, *zip(*tasks, strict=True)))).reshape(seeds, len(NASBENCH201))
                cells.append(str(estimate(worth.mean(axis=1))))
            table.add_row(label, str(budget), *cells)
    Console().print(table)


def _winner(label: str, name: str, seed: int, budget: int, confirming: bool) -> float:
    """Return what the winner of one run is worth."""
    subject = problem(f"nasbench201-{name}")
    searcher = CONTESTANTS[label].create(subject.space, seed)
    searched: list[tuple[float, Decisions]] = []
    for index in range(budget - TOP * REPEATS if confirming else budget):
        suggested = searcher.propose()
        reward = subject.evaluate(suggested.decisions, seed, index)
        assert reward is not None
        searcher.observe(suggested.index, reward)
        searched.append((reward, suggested.decisions))
    leaders = [decisions for _, decisions in sorted(searched, key=lambda item: -item[0])]
    if not confirming:
        return subject.judge(leaders[0])
    distinct = [decisions for place, decisions in enumerate(leaders) if decisions not in leaders[:place]]
    return subject.judge(max(distinct[:TOP], key=lambda decisions: _mean(name, seed, len(searched), decisions)))


def _mean(name: str, seed: int, first: int, decisions: Decisions) -> float:
    subject = problem(f"nasbench201-{name}")
    rewards: Sequence[float | None] = [subject.evaluate(decisions, seed, first + repeat) for repeat in range(REPEATS)]
    return float(np.mean([reward for reward in rewards if reward is not None]))


if __name__ == "__main__":
    main()
