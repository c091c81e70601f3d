"""``python -m bench.curves``: run what is requested, skip what is kept, print the tables."""

from __future__ import annotations

import os
import sys
from itertools import product
from pathlib import Path

import click
from rich.console import Console

from bench.choosing import choose, split
from bench.curves.catalogue import DEFAULT, problem
from bench.curves.contestants import CONTESTANTS, parse_variant
from bench.curves.report import table
from bench.curves.runs import Run, Task, load, run_all
from evonas.errors import EvonasError


@click.command()
@click.option("--problems", default=",".join(DEFAULT), show_default=True, help="Names, separated by commas.")
@click.option("--contestants", default=",".join(CONTESTANTS), show_default=True, help="Labels, separated by commas.")
@click.option("--variant", "variants", multiple=True, help='Another: label+rule={"type": "EvoNAS", …}; repeatable.')
@click.option("--seeds", default=16, show_default=True, help="Runs of each contestant on each problem.")
@click.option("--first-seed", default=0, show_default=True, help="The seed of the first of them.")
@click.option("--workers", default="1,4,16", show_default=True, help="Trials running at once, separated by commas.")
@click.option("--trainings", default=60, show_default=True, help="GPU time of a run, in mean full trainings.")
@click.option("--jobs", default=os.cpu_count(), show_default=True, help="Processes.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("bench/results/curves"),
    show_default=True,
    help="Folder of the kept runs; those found there are not run again.",
)
@click.option("--table", "table_file", type=click.Path(path_type=Path), help="Also write the tables to this file.")
def main(
    problems: str,
    contestants: str,
    variants: tuple[str, ...],
    seeds: int,
    first_seed: int,
    workers: str,
    trainings: int,
    jobs: int,
    results: Path,
    table_file: Path | None,
) -> None:
    """Compare agents and rules by the GPU time they take, over seeds, and state how certain the comparison is."""
    console = Console(stderr=True)
    competing = [*choose("--contestants", contestants, CONTESTANTS, console), *map(parse_variant, variants)]
    cells = [
        (name, count, contestant, seed)
        for seed, name, count, contestant in product(
            range(first_seed, first_seed + seeds), split(problems), map(int, split(workers)), competing
        )
    ]
    tasks = [Task(contestant, problem(name).name, seed, trainings, count) for name, count, contestant, seed in cells]
    for left, task in run_all(tasks, results, jobs):
        console.print(f"{left:>5} left  {task.problem} {task.contestant.label} {task.seed}", highlight=False)
    runs: dict[str, dict[str, list[Run]]] = {}
    for task in tasks:
        kept = load(task, results)
        assert kept is not None, "every task was run"
        title = f"{task.problem}, {task.workers} worker{'s' * (task.workers > 1)}"
        runs.setdefault(title, {}).setdefault(task.contestant.label, []).append(kept)
    text = "\n".join(table(title, by_label, trainings) for title, by_label in runs.items())
    click.echo(text)
    if table_file is not None:
        table_file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except EvonasError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
