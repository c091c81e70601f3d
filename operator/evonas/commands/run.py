"""`evonas run`: a search on this machine, from the manifest to the best candidate and the plots, or to the front."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import click
from rich.console import Console

from evonas.commands.manifests import read_manifest
from evonas.commands.renamed import RenamingCommand
from evonas.extras import MissingExtra
from evonas.launch import Launch
from evonas.local.processes.attempts import MAX_LOG
from evonas.recorded.search import Phase, RecordedSearch
from evonas.report.console import open_console
from evonas.report.display import Display
from evonas.report.front import front_object, front_view
from evonas.report.front_plots import save_fronts
from evonas.report.plots import save_plots
from evonas.search.confirmation import Confirmed, confirm, find_result
from evonas.search.outcome import find_example
from evonas.search.plan import Plan
from evonas.search.recommendation import in_words, recommend
from evonas.search.rungs import find_losses, find_silence
from evonas.search.status import count_states
from evonas.wording import counted

PLOTS_FILE, BEST_FILE, FRONT_FILE = "plots.png", "best.json", "front.json"


@click.command(cls=RenamingCommand, renamed={"--budget": "--max-trials", "--parallel": "--parallel-trials"})
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of all runs; this one's is RUNS/<name of the search>.",
)
@click.option("--max-trials", type=click.IntRange(1), help="Maximum number of trials; overrides spec.budget.maxTrials.")
@click.option(
    "--parallel-trials",
    type=click.IntRange(1),
    help="Number of trials at a time; overrides spec.budget.parallelTrials.",
)
@click.option("--seed", type=click.IntRange(0), help="Seed; overrides spec.agent.seed.")
@click.option(
    "--warm-start",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Folder of a run or file of `evonas export` whose results to start with; overrides the sources in"
    " spec.warmStart; repeatable.",
)
@click.option(
    "--knowledge",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Folder of a run or file of `evonas export` that the agent learns from before the first trial; overrides"
    " spec.knowledge; repeatable. A run that resumes keeps what it has learned.",
)
@click.option(
    "--max-log",
    type=click.IntRange(0),
    default=MAX_LOG >> 20,
    show_default=True,
    help="MiB of an attempt's output to keep, half from its beginning and half from its end; 0 keeps all.",
)
def run(
    manifest: Path,
    runs: Path,
    max_trials: int | None,
    parallel_trials: int | None,
    seed: int | None,
    warm_start: tuple[Path, ...],
    knowledge: tuple[Path, ...],
    max_log: int,
) -> None:
    """Run or resume the search in MANIFEST on this machine.

    Trials are child processes. Ctrl-C stops them; the same command resumes the search and repeats no finished trial.
    The journal records options that override a field as if they were in the manifest. Exits with 1 if the search
    failed: no trial succeeded, or too many failed.
    """
    body = read_manifest(manifest)
    _override(body, ("budget", "maxTrials"), max_trials)
    _override(body, ("budget", "parallelTrials"), parallel_trials)
    _override(body, ("agent", "seed"), seed)
    console = open_console()
    launch = Launch(body, runs, console.print)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        results = launch.gather(warm_start, knowledge)
        with Display(launch.spec, console, launch.journal.trials.values()) as display:
            decided = launch.run(display, results, max_log=max_log << 20)
    except KeyboardInterrupt:
        console.print(f"\nstopped; to resume, run the same command: {_command_line()}")
        sys.exit(128 + signal.SIGINT)
    finally:
        signal.signal(signal.SIGTERM, before)
        launch.close()
    journal = launch.journal
    trials = tuple(journal.trials[index] for index in sorted(journal.trials))
    assert decided.limit is not None
    phase = Phase.FAILED if decided.limit.failed else Phase.COMPLETE
    _conclude(RecordedSearch(str(launch.folder), journal.search, trials, phase), decided, launch.folder, console)


def _describe(confirmed: Confirmed, *, alone: bool) -> str:
    spread = "" if confirmed.deviation is None else f" ± {confirmed.deviation:.3g}"
    rewards = f"mean {confirmed.mean:.6g}{spread} of {counted(confirmed.runs, 'run')}"
    won = "" if alone else f", {confirmed.wins} won"
    return f"confirmed: trial {confirmed.leader.index}: {rewards}{won}"


def _override(body: dict[str, Any], field: tuple[str, str], value: int | None) -> None:
    """Put a value into the manifest; one whose parts are no objects is left for the parser to refuse."""
    (block, name), spec = field, body.get("spec")
    if value is not None and isinstance(spec, dict) and isinstance(spec.setdefault(block, {}), dict):
        spec[block][name] = value


def _command_line() -> str:
    return shlex.join(["evonas", *sys.argv[1:]])


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _keep_front(record: RecordedSearch, folder: Path, console: Console) -> str:
    """Show the front and write it, and the plots; returns what the folder holds."""
    console.print(front_view(record))
    (folder / FRONT_FILE).write_text(json.dumps(front_object(record), indent=2) + "\n")
    drawn = _draw(console, partial(save_fronts, {record.spec.name: record}, folder / PLOTS_FILE))
    return f"journal, {drawn}front and logs"


def _keep_best(record: RecordedSearch, decided: Plan, folder: Path, console: Console) -> str:
    """Show the best candidate and write it, and the plots; returns what the folder holds."""
    spec, best, metric = record.spec, decided.totals.best, record.spec.objective.name
    assert best is not None
    console.print(f"best: trial {best.index} with {best.reward:.6g}", style="bold")
    console.print_json(json.dumps(dict(best.decisions)))
    recommended = recommend(spec, decided.totals)
    if recommended is not None:
        console.print(in_words(recommended))
    confirmed = [item for item in confirm(spec, decided.totals) if item.mean is not None]
    for item in confirmed:
        console.print(_describe(item, alone=len(confirmed) == 1))
    winner, reward = find_result(spec, decided.totals)
    assert winner is not None
    (folder / BEST_FILE).write_text(
        json.dumps({"index": winner.index, metric: reward, "decisions": dict(winner.decisions)}, indent=2) + "\n"
    )
    trials, minimize = {spec.name: record.trials}, spec.objective.minimize
    drawn = _draw(console, partial(save_plots, trials, folder / PLOTS_FILE, minimize=minimize, metric=metric))
    return f"journal, {drawn}best candidate and logs"


def _draw(console: Console, save: Callable[[], None]) -> str:
    """Write the plots, or say what they need; returns ``plots, `` if they were written."""
    try:
        save()
    except MissingExtra as missing:
        console.print(f"no {PLOTS_FILE}: {missing}", soft_wrap=True)
        return ""
    return "plots, "


def _conclude(record: RecordedSearch, decided: Plan, folder: Path, console: Console) -> None:
    spec = record.spec
    assert decided.limit is not None
    counts = count_states(decided.totals)
    console.print(f"\n{spec.name}: {decided.limit.reason}: {decided.limit.message}")
    said = [f"{count} {state}" for state, count in counts.items() if count]
    if decided.totals.reused:
        said.append(f"{decided.totals.reused} of these with the result of another run")
    console.print(", ".join(said))
    if (lost := find_losses(decided.totals)) is not None:
        console.print(lost, style="yellow")
    if decided.totals.has_result:
        kept = (
            _keep_front(record, folder, console) if spec.has_several else _keep_best(record, decided, folder, console)
        )
        if (silence := find_silence(spec, decided.totals)) is not None:
            console.print(silence, style="yellow")
        console.print(f"{kept}: {folder}")
        console.print(f"more about it: evonas report {shlex.quote(str(folder))}")
    if decided.limit.failed:
        example = find_example(decided.totals)
        if example is not None and example.is_run:
            logs = f"evonas logs {shlex.quote(str(folder))} {example.index}"
            console.print(f"what trial {example.index} printed: {logs}")
        sys.exit(1)
