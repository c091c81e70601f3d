"""`evonas get`: the searches of a cluster or of a folder of runs, a line each; or all that is recorded of some."""

from __future__ import annotations

import json
from pathlib import Path

import click

from evonas.commands.searches import cluster_options, says_what_a_search_is
from evonas.manifest import to_yaml
from evonas.report.console import open_console
from evonas.report.tables import searches_table, trials_table
from evonas.search.codec import to_object
from evonas.sources.locate import list_searches, locate
from evonas.sources.options import ClusterOptions


@click.command()
@click.argument("searches", nargs=-1, metavar="[SEARCH]...")
@click.option(
    "--output",
    "-o",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="json and yaml print the ArchitectureSearch and ArchitectureTrial objects of each SEARCH.",
)
@click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of local runs to list where no SEARCH is named.",
)
@cluster_options
@says_what_a_search_is
def get(searches: tuple[str, ...], output: str, runs: Path, cluster: ClusterOptions) -> None:
    """List searches, or show each SEARCH and its trials.

    Without a SEARCH, the local runs are listed, or where there are none the searches of the cluster.
    """
    console = open_console()
    if not searches:
        if output != "table":
            raise click.UsageError(f"-o {output} needs a SEARCH")
        console.print(searches_table(list_searches(runs, cluster)))
        return
    records = [locate(reference, cluster).read() for reference in searches]
    if output == "table":
        console.print(searches_table([record.overview for record in records]))
        for record in records:
            console.print(trials_table(record))
        return
    items = [
        body
        for record in records
        for body in (record.body, *(to_object(record.identity, trial) for trial in record.trials))
    ]
    listed = {"apiVersion": "v1", "kind": "List", "items": items}
    click.echo(json.dumps(listed, indent=2) if output == "json" else to_yaml(listed), nl=False)
