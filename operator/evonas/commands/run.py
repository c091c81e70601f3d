"""`evonas run`: a search on this machine, from the manifest to the best candidate and the plots."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from evonas.agents import check_agent
from evonas.errors import EvonasError
from evonas.local.display import Display
from evonas.local.journal import JOURNAL_FILE, open_journal
from evonas.local.run import LocalRun
from evonas.manifest import load_search
from evonas.report.plots import save_plots
from evonas.search.confirmation import Confirmed, confirm
from evonas.search.plan import Plan
from evonas.search.status import count_states
from evonas.search.trial import Trial
from evonas.spec import SearchSpec

PLOTS_FILE, BEST_FILE = "plots.png", "best.json"


@click.command()
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of all runs; this one's is RUNS/<name of the search>.",
)
def run(manifest: Path, runs: Path) -> None:
    """Run the search in MANIFEST on this machine, or go on with it.

    Trials are child processes. Ctrl-C stops them; the same command goes on and repeats no finished trial.
    """
    body = load_search(manifest)
    spec = SearchSpec.parse(body)
    check_agent(spec.agent.type, spec.agent.settings)
    if spec.suspend:
        raise EvonasError("spec.suspend is true: nothing to run; set it to false")
    folder = (runs / spec.name).absolute()
    journal = open_journal(folder, body)
    console = Console()
    finished = sum(trial.state.is_final for trial in journal.trials.values())
    if finished:
        console.print(f"going on with {folder / JOURNAL_FILE}: {finished} trials are finished", highlight=False)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with Display(spec, console) as display:
            decided = LocalRun(spec, journal, folder, display).run()
    except KeyboardInterrupt:
        console.print(f"\nstopped; the same command goes on: evonas run {manifest}", highlight=False)
        sys.exit(128 + signal.SIGINT)
    finally:
        journal.close()
    _conclude(spec, decided, list(journal.trials.values()), folder, console)


def _describe(confirmed: Confirmed) -> str:
    spread = "" if confirmed.deviation is None else f" ± {confirmed.deviation:.3g}"
    rewards = f"mean {confirmed.mean:.6g}{spread} of {confirmed.runs} runs, {confirmed.wins} won"
    return f"confirmed: trial {confirmed.leader.index}: {rewards}"


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _conclude(spec: SearchSpec, decided: Plan, trials: Sequence[Trial], folder: Path, console: Console) -> None:
    assert decided.limit is not None
    counts = count_states(decided.totals)
    console.print(f"\n{spec.name}: {decided.limit.reason}: {decided.limit.message}", highlight=False)
    console.print(", ".join(f"{count} {state}" for state, count in counts.items() if count), highlight=False)
    best = decided.totals.best
    if best is not None and best.reward is not None:
        console.print(f"best: trial {best.index} with {best.reward:.6g}", style="bold", highlight=False)
        console.print_json(json.dumps(dict(best.decisions)))
        metric = spec.objective.metric or "reward"
        confirmed = [item for item in confirm(spec, decided.totals) if item.mean is not None]
        for item in confirmed:
            console.print(_describe(item), highlight=False)
        winner, reward = (confirmed[0].leader, confirmed[0].mean) if confirmed else (best, best.reward)
        (folder / BEST_FILE).write_text(
            json.dumps({"index": winner.index, metric: reward, "decisions": dict(winner.decisions)}, indent=2) + "\n"
        )
        save_plots({spec.name: trials}, folder / PLOTS_FILE, minimize=spec.objective.minimize, metric=metric)
        console.print(f"journal, plots, best candidate and logs: {folder}", highlight=False)
    if decided.limit.failed:
        sys.exit(1)
