"""`evonas logs`: what a trial printed, from the file that a local run kept or from the trial's pod."""

from __future__ import annotations

import sys

import click

from evonas.commands.searches import cluster_options, says_what_a_search_is
from evonas.errors import EvonasError
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions
from evonas.sources.source import find_trial


@click.command()
@click.argument("search")
@click.argument("trial", type=click.IntRange(0))
@click.option("--attempt", type=click.IntRange(1), help="Number of the attempt. Default: the latest.")
@click.option("--previous", "-p", is_flag=True, help="Show the attempt before the latest.")
@click.option("--follow", "-f", is_flag=True, help="Keep printing until the attempt ends.")
@click.option("--tail", type=click.IntRange(0), metavar="LINES", help="Start with the last LINES lines. Default: all.")
@cluster_options
@says_what_a_search_is
def logs(
    search: str,
    trial: int,
    attempt: int | None,
    previous: bool,
    follow: bool,
    tail: int | None,
    cluster: ClusterOptions,
) -> None:
    """Print the output of TRIAL (an index) of SEARCH."""
    if previous and attempt is not None:
        raise click.UsageError("give either --attempt or --previous")
    source = locate(search, cluster)
    found = find_trial(source.read(), trial)
    if not found.is_run:
        raise EvonasError(f"nothing was run for trial {trial} of {search}: it has the {found.message}")

    def write(chunk: bytes) -> None:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()

    if previous and (attempt := found.latest_attempt - 1) < 1:
        raise EvonasError(f"trial {trial} of {search} has had one attempt only: there is none before it")
    source.log(found, attempt or found.latest_attempt, write, follow=follow, tail=tail)
