"""`evonas explain`: why a trial has the candidate that it has, and why it was stopped."""

from __future__ import annotations

import click

from evonas.commands.searches import cluster_options, says_what_a_search_is
from evonas.recorded.alternatives import find_alternatives
from evonas.report.console import open_console
from evonas.report.explanation import explanation
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions
from evonas.sources.source import find_trial


@click.command()
@click.argument("search")
@click.argument("trial", type=click.IntRange(0))
@click.option(
    "--alternatives",
    default=5,
    show_default=True,
    type=click.IntRange(0),
    help="Number of alternatives to show, and of better trials at its rung.",
)
@cluster_options
@says_what_a_search_is
def explain(search: str, trial: int, alternatives: int, cluster: ClusterOptions) -> None:
    """Explain how the agent arrived at the candidate of TRIAL (an index) of SEARCH, and what was decided at its rungs.

    Origin, parent and mutated decisions are recorded. The policy's probabilities and the alternatives are derived again
    from the record, like in `evonas replay`, if the installed software versions still give the same proposal.
    """
    record = locate(search, cluster).read()
    found = find_trial(record, trial)
    others = find_alternatives(record, found)
    open_console().print(explanation(record, found, others.considered, alternatives))
    if others.problem:
        click.echo(f"the alternatives are not known: {others.problem}", err=True)
