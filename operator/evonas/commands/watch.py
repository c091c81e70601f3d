"""`evonas watch`: a search as it goes, until it is over."""

from __future__ import annotations

import sys

import click
from rich.live import Live

from evonas.commands.searches import cluster_options, says_what_a_search_is
from evonas.recorded.search import Phase
from evonas.report.console import open_console
from evonas.report.live import search_view
from evonas.sources.following import follow
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions


@click.command()
@click.argument("search")
@click.option("--interval", type=click.FloatRange(0.1), default=2.0, show_default=True, help="Seconds between updates.")
@cluster_options
@says_what_a_search_is
def watch(search: str, interval: float, cluster: ClusterOptions) -> None:
    """Show the progress of SEARCH until it ends.

    Exits with 0 if it is complete, and with 1 if it failed, was refused, or (a local run) was stopped.
    """
    source = locate(search, cluster)
    console = open_console()
    with Live(console=console, auto_refresh=False) as live:
        for record in follow(source, interval):
            live.update(search_view(record), refresh=True)
    sys.exit(0 if record.phase is Phase.COMPLETE else 1)
