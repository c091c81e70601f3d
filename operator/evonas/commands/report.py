"""`evonas report`: the two plots of one or several recorded searches in one picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from evonas.errors import EvonasError
from evonas.local.journal import JOURNAL_FILE, read_journal
from evonas.report.plots import save_plots
from evonas.search.trial import Trial
from evonas.spec import SearchSpec


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("report.png"),
    show_default=True,
    help="Picture to write; its ending says the format (png, svg, pdf).",
)
def report(runs: tuple[Path, ...], output: Path) -> None:
    """Plot the searches whose folders are RUNS: moving average and best so far, one line each."""
    searches: dict[str, Sequence[Trial]] = {}
    directions: set[tuple[bool, str]] = set()
    journals = {folder: read_journal(folder / JOURNAL_FILE) for folder in dict.fromkeys(runs)}
    names = Counter(_spec(body).name for body, _ in journals.values())
    for folder, (body, trials) in journals.items():
        spec = _spec(body)
        # The same search may have been run into several folders.
        searches[spec.name if names[spec.name] == 1 else str(folder)] = trials
        directions.add((spec.objective.minimize, spec.objective.metric or "reward"))
    if len(directions) > 1:
        raise EvonasError(f"these searches have different objectives and fit no common picture: {sorted(directions)}")
    (minimize, metric) = directions.pop()
    save_plots(searches, output, minimize=minimize, metric=metric)
    click.echo(f"wrote {output}")


def _spec(body: Mapping[str, Any]) -> SearchSpec:
    return SearchSpec.parse({key: body[key] for key in ("apiVersion", "kind", "metadata", "spec") if key in body})
