"""`evonas replay`: whether a search's proposals, and its decisions at rungs, follow from its record; where not, from
which trial on and why.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import click

from evonas.agents import agent_versions
from evonas.commands.searches import cluster_options, says_what_a_search_is
from evonas.recorded.replay import Difference, MissingTrial, Replay
from evonas.recorded.rungs import difference_at_rungs
from evonas.recorded.search import RecordedSearch
from evonas.search.software_versions import versions_of
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions


@click.command()
@click.argument("search")
@cluster_options
@says_what_a_search_is
def replay(search: str, cluster: ClusterOptions) -> None:
    """Derive every proposal of SEARCH again from the records before it, and every decision at a rung.

    With the same software versions, all match bit for bit. Exits with 1 at the first that differs.
    """
    record = locate(search, cluster).read()
    _check_rungs(record)
    here = agent_versions(record.spec.agent.type)
    same = 0
    try:
        for _, difference in Replay(record.spec, record.trials, record.experience).run():
            if difference is not None:
                _part(record, difference, here)
            same += 1
    except MissingTrial as missing:
        click.echo(f"the first {same} proposals are the same; {missing}")
        sys.exit(1)
    versions = ", ".join(f"{name} {version}" for name, version in here.items())
    click.echo(f"all {same} proposals of {record.source} are the same, bit for bit ({versions})")


def _check_rungs(record: RecordedSearch) -> None:
    """Say what became of the decisions at rungs, which proposals follow from."""
    if record.trials and record.trials[-1].index >= len(record.trials):
        # Results are missing, as the replay will say.
        return
    difference = difference_at_rungs(record.spec, record.trials)
    if difference is not None:
        click.echo(f"trial {difference.index} differs at a rung:")
        _show(difference)
        click.echo("reason: the record was changed after the fact: what a rule decides follows from the results alone")
        sys.exit(1)
    count = sum(len(trial.rungs) for trial in record.trials)
    if count:
        click.echo(f"all {count} decisions at rungs are the same")


def _part(record: RecordedSearch, difference: Difference, here: Mapping[str, str]) -> None:
    click.echo(f"the first {difference.index} proposals are the same; trial {difference.index} differs:")
    _show(difference)
    click.echo(f"reason: {_reason(versions_of(record.environments, difference.index), here)}")
    sys.exit(1)


def _show(difference: Difference) -> None:
    click.echo(f"  {difference.field} recorded: {difference.recorded}")
    click.echo(f"  {difference.field} derived:  {difference.derived}")


def _reason(there: Mapping[str, str] | None, here: Mapping[str, str]) -> str:
    if there is None:
        return "not known: the record does not say which versions proposed this trial"
    changed = [
        f"{name} {there.get(name, 'not there')} proposed it, {here.get(name, 'not here')} derives it"
        for name in sorted(there.keys() | here.keys())
        if there.get(name) != here.get(name)
    ]
    if changed:
        return f"the versions differ: {'; '.join(changed)}"
    return (
        "the versions are the same; the record was changed after the fact, or the processors differ in how they round"
        " (the last digits of value or policy_ratio then differ first)"
    )
