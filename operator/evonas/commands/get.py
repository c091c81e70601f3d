"""`evonas get`: the searches of a cluster or of a folder of runs, a line each; or all that is recorded of some."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live

from evonas.commands.searches import cluster_options, says_what_a_search_is
from evonas.manifest import to_yaml
from evonas.recorded.search import Overview, RecordedSearch
from evonas.report.console import open_console
from evonas.report.tables import searches_table, trials_table
from evonas.search.codec import to_object
from evonas.sources.listing import Listed, list_searches, listed
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions

WATCH_SECONDS = 2.0
TABLES = ("table", "wide")


@click.command()
@click.argument("searches", nargs=-1, metavar="[SEARCH]...")
@click.option(
    "--output",
    "-o",
    type=click.Choice([*TABLES, "json", "yaml", "name"]),
    default="table",
    show_default=True,
    help="wide: more columns; json and yaml: the ArchitectureSearch objects and, with SEARCH, its ArchitectureTrial"
    " objects; name: what other commands accept as SEARCH.",
)
@click.option("--all-namespaces", "-A", "everywhere", is_flag=True, help="List the searches of all namespaces.")
@click.option("--selector", "-l", default="", metavar="LABELS", help="List the searches with these labels: a=b,c!=d,e.")
@click.option("--watch", "-w", is_flag=True, help="Keep showing changes until Ctrl-C.")
@click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of local runs to list if no SEARCH is given.",
)
@cluster_options
@says_what_a_search_is
def get(
    searches: tuple[str, ...],
    output: str,
    everywhere: bool,
    selector: str,
    watch: bool,
    runs: Path,
    cluster: ClusterOptions,
) -> None:
    """List searches, or show each SEARCH and its trials.

    Without SEARCH, the local runs are listed or, if there are none, the searches in the cluster.
    """
    if searches and (everywhere or selector):
        raise click.UsageError("-A and -l list searches: leave out SEARCH")
    if watch and output not in TABLES:
        raise click.UsageError(f"-w shows a table: leave out -o {output}")
    console = open_console()

    def named() -> list[RecordedSearch]:
        return [locate(reference, cluster).read() for reference in searches]

    def look() -> list[Listed]:
        if searches:
            return [listed(record) for record in named()]
        return list_searches(runs, cluster, selector=selector, everywhere=everywhere)

    if watch:
        _watch(look, console, wide=output == "wide")
    elif output in TABLES:
        records = named()
        found = [listed(record) for record in records] if searches else look()
        console.print(searches_table([item.overview for item in found], wide=output == "wide"))
        for record in records:
            if record.learned_from:
                console.print(f"{record.source}: {record.learned_from}", markup=False, highlight=False, soft_wrap=True)
            console.print(trials_table(record, wide=output == "wide"))
    elif output == "name":
        for item in look():
            click.echo(item.reference)
    else:
        _print_objects(_objects(named()) if searches else [item.body for item in look()], output)


def _watch(look: Callable[[], Sequence[Listed]], console: Console, *, wide: bool) -> None:
    """Keep a table on a terminal in step; to a file or another program write the lines that are new or have changed."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            while True:
                live.update(searches_table([item.overview for item in look()], wide=wide), refresh=True)
                time.sleep(WATCH_SECONDS)
    shown: dict[str, Overview] | None = None
    while True:
        found = {f"{item.overview.namespace}/{item.reference}": item.overview for item in look()}
        news = [overview for key, overview in found.items() if shown is None or shown.get(key) != overview]
        if news or shown is None:
            console.print(searches_table(news, wide=wide, heading=shown is None))
            console.file.flush()
        shown = found
        time.sleep(WATCH_SECONDS)


def _objects(records: Sequence[RecordedSearch]) -> list[Mapping[str, Any]]:
    return [
        item
        for record in records
        for item in (record.body, *(to_object(record.identity, trial) for trial in record.trials))
    ]


def _print_objects(items: Sequence[Mapping[str, Any]], output: str) -> None:
    body = {"apiVersion": "v1", "kind": "List", "items": [*items]}
    click.echo(json.dumps(body, indent=2) if output == "json" else to_yaml(body), nl=False)
