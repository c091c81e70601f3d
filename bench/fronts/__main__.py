"""``python -m bench.fronts``: run what is requested, skip what is recorded, print the tables, draw the figure."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from bench.choosing import choose, split
from bench.fronts.catalogue import PROBLEMS, available
from bench.fronts.contestants import CONTESTANTS, parse_variant
from bench.fronts.report import RANDOM, Curves, curves_of, lost_in_flight, picture, places, speedup, steps, table
from bench.fronts.runs import Run, Task, load, run_all
from evonas.errors import EvonasError

DEFAULT_AGENTS = "evonas,evolution,random,optuna-nsga2,optuna-nsga2-20,optuna-tpe,pymoo-nsga2"
BUDGETS = (50, 100, 300)
Runs = dict[str, dict[str, list[Run]]]
"""By the problem's name and the contestant's label."""


@click.command()
@click.option("--problems", default="", help="Names, or beginnings of names, separated by commas. Default: all.")
@click.option("--agents", default=DEFAULT_AGENTS, show_default=True, help="Contestants, separated by commas.")
@click.option("--variant", "variants", multiple=True, help='Another one: label={"type": "EvoNAS", …}; repeatable.')
@click.option("--seeds", default=24, show_default=True, help="Runs of each contestant on each problem.")
@click.option("--first-seed", default=0, show_default=True, help="The seed of the first of them.")
@click.option("--trials", default=BUDGETS[-1], show_default=True, help="Trials of a run.")
@click.option(
    "--in-flight", default=1, show_default=True, help="Trials running at once; if several, compared with one at a time."
)
@click.option(
    "--judge",
    "measure",
    type=click.Choice(["reported", "tried"]),
    default="reported",
    show_default=True,
    help="What is judged by its true values: the front of what was reported, or everything that was tried.",
)
@click.option("--recorded", is_flag=True, help="Run nothing: tables of those runs that are recorded.")
@click.option("--jobs", default=os.cpu_count(), show_default=True, help="Processes.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("bench/results/fronts"),
    show_default=True,
    help="Folder of the recorded runs; those found there are not run again.",
)
@click.option("--table", "table_file", type=click.Path(path_type=Path), help="Also write the tables to this file.")
@click.option("--picture", "picture_file", type=click.Path(path_type=Path), help="Draw the figure into this file.")
def main(
    problems: str,
    agents: str,
    variants: tuple[str, ...],
    seeds: int,
    first_seed: int,
    trials: int,
    in_flight: int,
    measure: str,
    recorded: bool,
    jobs: int,
    results: Path,
    table_file: Path | None,
    picture_file: Path | None,
) -> None:
    """Compare agents on problems with several objectives, by the hypervolume of the fronts that they find."""
    console = Console(stderr=True)
    contestants = [
        *choose("--agents", agents, CONTESTANTS, console),
        *map(parse_variant, variants),
    ]
    if RANDOM not in (contestant.label for contestant in contestants):
        raise EvonasError(f"--agents: all is told relative to {RANDOM} search; add {RANDOM}")
    tasks = {
        name: {
            contestant.label: [
                Task(contestant, name, seed, trials, in_flight) for seed in range(first_seed, first_seed + seeds)
            ]
            for contestant in contestants
        }
        for name in _names(problems)
    }
    alone = {
        name: {label: [replace(task, in_flight=1) for task in some] for label, some in by.items()}
        for name, by in tasks.items()
    }
    if not recorded:
        _run(dict.fromkeys([*_flat(alone), *_flat(tasks)]), results, jobs, console)
    ours = [contestant.label for contestant in contestants if contestant.is_ours and contestant.label != RANDOM]
    peers = [contestant.label for contestant in contestants if not contestant.is_ours]
    budgets = [*(budget for budget in BUDGETS if budget < trials), trials]
    runs, runs_alone = _loaded(tasks, results), _loaded(alone, results)
    curves = _curves(runs, measure)
    parts = [table(curves, budget) for budget in budgets]
    for label in ours:
        parts += [places(curves, label, budgets), speedup(curves, label, peers)]
    if in_flight > 1:
        parts.append(lost_in_flight(_curves(runs_alone, measure), curves, trials))
    text = "\n".join([*parts, steps(runs)])
    click.echo(text)
    if table_file is not None:
        table_file.write_text(text, encoding="utf-8")
    if picture_file is not None:
        picture(curves, picture_file)


def _names(problems: str) -> list[str]:
    wanted = split(problems)
    unknown = [name for name in wanted if not any(each.startswith(name) for each in available())]
    if unknown:
        raise EvonasError(
            f"--problems: no {', '.join(unknown)} here; there are {', '.join(PROBLEMS)}, "
            "those made of tables with the extra: pip install -e '.[bench]'"
        )
    return [name for name in available() if not wanted or any(name.startswith(part) for part in wanted)]


def _flat(tasks: dict[str, dict[str, list[Task]]]) -> list[Task]:
    return [task for by_label in tasks.values() for some in by_label.values() for task in some]


def _run(tasks: dict[Task, None], results: Path, jobs: int, console: Console) -> None:
    for left, task in run_all([*tasks], results, jobs):
        run = load(task, results)
        assert run is not None, "it was just run"
        console.print(
            f"{left:>5} left  {task.problem} {task.contestant.label} {task.seed}: {run.seconds:.1f} s", highlight=False
        )


def _loaded(tasks: dict[str, dict[str, list[Task]]], folder: Path) -> Runs:
    """Return the recorded runs; a problem without any of random search is left out."""
    loaded = {
        name: {
            label: found
            for label, some in by_label.items()
            if (found := [run for task in some if (run := load(task, folder)) is not None])
        }
        for name, by_label in tasks.items()
    }
    return {name: by_label for name, by_label in loaded.items() if RANDOM in by_label}


def _curves(runs: Runs, measure: str) -> dict[str, Curves]:
    return {name: curves_of(by_label, measure) for name, by_label in runs.items()}


if __name__ == "__main__":
    try:
        main()
    except EvonasError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
