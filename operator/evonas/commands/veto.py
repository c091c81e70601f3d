"""`evonas veto`: ends a trial that a person does not want, and tells the agent so."""

from __future__ import annotations

import click

from evonas.commands.searches import cluster_options
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions


@click.command()
@click.argument("search")
@click.argument("trial", type=click.IntRange(min=0))
@click.option("--because", default="", metavar="TEXT", help="Why; it is recorded with the trial.")
@cluster_options
def veto(search: str, trial: int, because: str, cluster: ClusterOptions) -> None:
    """End TRIAL of SEARCH, which has no result yet, as infeasible.

    What runs of it is stopped, and the agent learns to keep away from the like. SEARCH is the folder of a local run, or
    the name of a search in a cluster, which is annotated.
    """
    locate(search, cluster).veto(trial, because)
    click.echo(f"vetoed trial {trial}: it ends as infeasible")
