"""``python -m bench.agents.speed``: what a step of an agent costs as the search grows, and what restoring costs."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from evonas.agents import Record, Reward, create_agent
from evonas.space import SearchSpace

DECISIONS, VALUES = 20, 10
SPACE = SearchSpace.parse([{"name": f"d{k}", "values": list(range(VALUES))} for k in range(DECISIONS)])


@click.command()
@click.option("--trials", default=10_000, show_default=True, help="Length of the search.")
@click.option("--restored", default=2000, show_default=True, help="Recorded trials that are restored.")
@click.option("--type", "type_", default="EvoNAS", show_default=True, help="The agent.")
@click.option("--objectives", default=1, show_default=True, help="How many objectives the search has.")
def main(trials: int, restored: int, type_: str, objectives: int) -> None:
    """Measure the CPU time of an agent on 20 decisions of 10 values, on one core."""
    torch.set_num_threads(1)
    table = Table("trials", "propose, ms", "observe, ms", "both, ms", "slowest, ms")
    agent = create_agent(type_, SPACE, seed=0, objectives=objectives)
    marks = {mark for mark in (100, 300, 1000, 3000, 10_000, 30_000) if mark < trials} | {trials}
    spent: list[tuple[float, float]] = []
    records = []
    for done in range(1, trials + 1):
        began = time.process_time()
        proposal = agent.propose()
        proposed = time.process_time()
        reward = _reward([*map(int, proposal.decisions.values())], objectives)
        asked = time.process_time()
        agent.observe(proposal.index, reward)
        spent.append((proposed - began, time.process_time() - asked))
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
    began = time.process_time()
    again = create_agent(type_, SPACE, seed=0, objectives=objectives)
    again.restore(records)
    again.propose()
    console.print(f"restored {len(records)} trials and proposed in {time.process_time() - began:.1f} s")


def _reward(values: Sequence[int], objectives: int) -> Reward:
    """Return how little neighbours differ and, for each further objective, how close the values are to a rising row."""
    level = -float(np.square(np.diff(values)).sum())
    rows = (np.arange(DECISIONS) * slope % VALUES for slope in range(1, objectives))
    others = tuple(-float(np.square(np.array(values) - row).sum()) for row in rows)
    return (level, *others) if others else level


if __name__ == "__main__":
    main()
