"""``python -m bench.agents``: run what is requested, skip what is recorded, print the tables, draw the figures."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import numpy as np
from rich.console import Console

from bench.agents.catalogue import PROBLEMS, available, problem
from bench.agents.contestants import CONTESTANTS, parse_variant
from bench.agents.report import collections, picture, steps, table, versus_parents, worth_of
from bench.agents.runs import Run, Task, load, run_all
from bench.choosing import choose, split
from evonas.errors import EvonasError

DEFAULT_AGENTS = "evonas,evonas-plain,evonas-uniform,evolution,neural,random,regularised-evolution,optuna-tpe"


@click.command()
@click.option("--problems", default="", help="Names, or beginnings of names, separated by commas. Default: all.")
@click.option("--agents", default=DEFAULT_AGENTS, show_default=True, help="Contestants, separated by commas.")
@click.option("--variant", "variants", multiple=True, help='Another one: label={"type": "EvoNAS", …}; repeatable.')
@click.option("--seeds", default=16, show_default=True, help="Runs of each contestant on each problem.")
@click.option("--first-seed", default=0, show_default=True, help="The seed of the first of them.")
@click.option("--trials", type=int, help="Trials of a run. Default: the problem's largest budget.")
@click.option("--in-flight", default=1, show_default=True, help="Trials running at once.")
@click.option("--jobs", default=os.cpu_count(), show_default=True, help="Processes.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("bench/results/agents"),
    show_default=True,
    help="Folder of the recorded runs; those found there are not run again.",
)
@click.option("--table", "table_file", type=click.Path(path_type=Path), help="Also write the tables to this file.")
@click.option("--pictures", type=click.Path(path_type=Path), help="Draw each problem's two figures into this folder.")
def main(
    problems: str,
    agents: str,
    variants: tuple[str, ...],
    seeds: int,
    first_seed: int,
    trials: int | None,
    in_flight: int,
    jobs: int,
    results: Path,
    table_file: Path | None,
    pictures: Path | None,
) -> None:
    """Compare agents on problems, over seeds, and state how certain the comparison is."""
    console = Console(stderr=True)
    names = _names(problems)
    contestants = [
        *choose("--agents", agents, CONTESTANTS, console),
        *map(parse_variant, variants),
    ]
    tasks = {
        name: {
            contestant.label: [
                Task(contestant, name, seed, trials or problem(name).budgets[-1], in_flight)
                for seed in range(first_seed, first_seed + seeds)
            ]
            for contestant in contestants
            if contestant.conditional or all(decision.when is None for decision in problem(name).space.decisions)
        }
        for name in names
    }
    everything = [task for by_label in tasks.values() for some in by_label.values() for task in some]
    for left, task in run_all(everything, results, jobs):
        console.print(f"{left:>5} left  {task.problem} {task.contestant.label} {task.seed}", highlight=False)
    runs = {
        name: {label: [_loaded(task, results) for task in some] for label, some in by_label.items()}
        for name, by_label in tasks.items()
    }
    text = _tables(runs, trials)
    click.echo(text)
    if table_file is not None:
        table_file.write_text(text, encoding="utf-8")
    if pictures is not None:
        for name, by_label in runs.items():
            picture(name, by_label, pictures / f"{name}.png")


def _names(problems: str) -> list[str]:
    wanted = split(problems)
    unknown = [name for name in wanted if not any(each.startswith(name) for each in available())]
    if unknown:
        raise EvonasError(
            f"--problems: no {', '.join(unknown)} here; there are {', '.join(PROBLEMS)}, "
            "those made of tables with the extra: pip install -e '.[bench]'"
        )
    exact = {name for name in wanted if name in PROBLEMS}
    return [
        name
        for name in available()
        if not wanted or name in exact or any(name.startswith(part) for part in wanted if part not in exact)
    ]


def _loaded(task: Task, folder: Path) -> Run:
    run = load(task, folder)
    assert run is not None, "every task was run"
    return run


def _tables(runs: dict[str, dict[str, list[Run]]], trials: int | None) -> str:
    curves = {
        name: {label: worth_of(some) for label, some in by_label.items() if some} for name, by_label in runs.items()
    }
    budgets = {name: _budgets(problem(name).budgets, trials) for name in runs}
    floors = {name: floor() for name in runs if (floor := problem(name).floor) is not None}
    parts = [table(name, curves[name], budgets[name], problem(name).optimum, floors.get(name)) for name in runs]
    for name, means in collections(curves).items():
        shortest = min(worth.shape[1] for worth in means.values())
        among = [floor for problem_name, floor in floors.items() if name.startswith(problem_name.partition("-")[0])]
        fitting = [budget for budget in (50, 100, 300) if budget <= shortest]
        parts.append(table(name, means, fitting, None, float(np.mean(among)) if among else None))
    return "\n".join([*parts, versus_parents(curves, budgets), steps(runs)])


def _budgets(budgets: tuple[int, ...], trials: int | None) -> list[int]:
    return [*(budget for budget in budgets if trials is None or budget < trials), *([trials] if trials else [])]


if __name__ == "__main__":
    try:
        main()
    except EvonasError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
