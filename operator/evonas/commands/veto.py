"""`evonas veto`: ends a trial that a person does not want, and tells the agent so."""

from __future__ import annotations

import click

from evonas.commands.searches import cluster_options
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions


@click.command()
@click.argument("search")
@click.argument("trial", type=click.IntRange(min=0))
@click.option("--because", default="", metavar="TEXT", help="The reason, which is recorded with the trial.")
@cluster_options
def veto(search: str, trial: int, because: str, cluster: ClusterOptions) -> None:
    """End TRIAL (an index) of SEARCH, which has no result yet, as infeasible.

    If it is running, it is stopped, and the agent learns to avoid similar candidates. SEARCH is the folder of a local
    run, or the name of a search in a cluster, which is annotated.
    """
    locate(search, cluster).veto(trial, because)
    click.echo(f"vetoed trial {trial}: it ends as infeasible")
