"""`evonas pin`: keeps a trial in the agent's population, which results otherwise leave by age."""

from __future__ import annotations

import click

from evonas.commands.searches import cluster_options
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions


@click.command()
@click.argument("search")
@click.argument("trial", type=click.IntRange(min=0))
@click.option("--remove", is_flag=True, help="Remove the pin: the trial again leaves the population by age.")
@cluster_options
def pin(search: str, trial: int, remove: bool, cluster: ClusterOptions) -> None:
    """Keep TRIAL (an index) of SEARCH in the population from which the agent draws parents, regardless of age.

    The trial need not have a result yet. SEARCH is the folder of a local run, or the name of a search in a cluster,
    which is annotated.
    """
    locate(search, cluster).pin(trial, stays=not remove)
    click.echo(f"trial {trial} leaves the population by age" if remove else f"pinned trial {trial} to the population")
