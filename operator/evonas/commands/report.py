"""`evonas report`: searches as a page to read and keep, or their two plots as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from evonas.commands.renamed import RenamingCommand
from evonas.commands.searches import cluster_options, says_what_a_search_is
from evonas.recorded.comparing import check_comparable
from evonas.recorded.search import RecordedSearch
from evonas.report.front_plots import save_fronts
from evonas.report.plots import save_plots
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions


@click.command(cls=RenamingCommand, renamed={"--output": "--to"})
@click.argument("searches", nargs=-1, required=True, metavar="SEARCH...")
@click.option(
    "--to",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="File to write; its extension selects the format: html, or png, svg or pdf for only the two plots.",
)
@click.option(
    "--pareto",
    nargs=2,
    metavar="METRIC METRIC",
    help="Two metrics whose Pareto front to show, vertical and horizontal; METRIC:min or METRIC:max sets the direction"
    " if the search does not. Default: the objective and the first metric that it constrains.",
)
@click.option("--gpu-hour-price", type=click.FloatRange(0), help="Price of a GPU hour, for the cost of each gain.")
@cluster_options
@says_what_a_search_is
def report(
    searches: tuple[str, ...],
    output: Path,
    pareto: tuple[str, str] | None,
    gpu_hour_price: float | None,
    cluster: ClusterOptions,
) -> None:
    """Write a report on searches with the same objectives: curves, fronts, what matters, lineage, cost, failures.

    Searches that differ only in their seed are drawn as one line with a band.
    """
    records = [locate(reference, cluster).read() for reference in dict.fromkeys(searches)]
    check_comparable(records)
    if output.suffix == ".html":
        from evonas.report.html import save_report  # noqa: PLC0415

        save_report(records, output, price=gpu_hour_price, metrics=pareto)
    elif pareto:
        raise click.UsageError(f"--pareto is a part of the HTML page; {output} holds the two plots alone")
    elif records[0].spec.has_several:
        save_fronts(_labelled(records), output)
    else:
        objective = records[0].spec.objective
        trials = {label: record.trials for label, record in _labelled(records).items()}
        save_plots(trials, output, minimize=objective.minimize, metric=objective.name)
    click.echo(f"wrote {output}")


def _labelled(records: Sequence[RecordedSearch]) -> dict[str, RecordedSearch]:
    """Return the records by the search's name, or where it came from: one search may have been run several times."""
    names = Counter(record.identity.name for record in records)
    return {record.identity.name if names[record.identity.name] == 1 else record.source: record for record in records}
