"""``python -m bench.agents.speed``: what a step of an agent costs as the search grows, and what restoring costs."""

from __future__ import annotations

import time

import click
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from evonas.agents import Record, create_agent
from evonas.space import SearchSpace

DECISIONS, VALUES = 20, 10
SPACE = SearchSpace.parse([{"name": f"d{k}", "values": list(range(VALUES))} for k in range(DECISIONS)])


@click.command()
@click.option("--trials", default=10_000, show_default=True, help="Length of the search.")
@click.option("--restored", default=2000, show_default=True, help="Recorded trials that are restored.")
@click.option("--type", "type_", default="EvoNAS", show_default=True, help="The agent.")
def main(trials: int, restored: int, type_: str) -> None:
    """Time an agent on 20 decisions of 10 values, on one core."""
    torch.set_num_threads(1)
    table = Table("trials", "propose, ms", "observe, ms", "both, ms", "slowest, ms")
    agent = create_agent(type_, SPACE, seed=0)
    marks = {mark for mark in (100, 300, 1000, 3000, 10_000, 30_000) if mark < trials} | {trials}
    spent: list[tuple[float, float]] = []
    records = []
    for done in range(1, trials + 1):
        began = time.perf_counter()
        proposal = agent.propose()
        proposed = time.perf_counter()
        reward = -float(np.square(np.diff([*map(int, proposal.decisions.values())])).sum())
        asked = time.perf_counter()
        agent.observe(proposal.index, reward)
        spent.append((proposed - began, time.perf_counter() - asked))
        if done <= restored:
            records.append(
                Record(proposal.index, proposal.decisions, proposal.mutated, proposal.observed_up_to, done, reward)
            )
        if done in marks:
            steps = np.array(spent) * 1000
            propose, observe = steps.mean(axis=0)
            slowest = steps.sum(axis=1).max()
            row = [f"{value:.1f}" for value in (propose, observe, propose + observe, slowest)]
            table.add_row(f"{done + 1 - len(spent)} to {done}", *row)
            spent.clear()
    console = Console()
    console.print(table)
    began = time.perf_counter()
    again = create_agent(type_, SPACE, seed=0)
    again.restore(records)
    again.propose()
    console.print(f"restored {len(records)} trials and proposed in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
