"""`evonas export`: a search's whole record in one file, for another machine, another time, another person."""

from __future__ import annotations

from pathlib import Path

import click

from evonas.bridges.optuna_storage import write_storage
from evonas.commands.searches import cluster_options, says_what_a_search_is
from evonas.sources.export import write_export
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions


@click.command()
@click.argument("search")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--optuna", is_flag=True, help="Write an Optuna storage (SQLite) for its dashboard and plots instead.")
@cluster_options
@says_what_a_search_is
def export(search: str, file: Path | None, optuna: bool, cluster: ClusterOptions) -> None:
    """Write all that is recorded of SEARCH to FILE, by default NAME.jsonl, or NAME.db for Optuna.

    JSON lines: a header, the search, its trials, and a checksum. The trials' logs are not in it; the manifest is, with
    what its container is given as environment.
    """
    record = locate(search, cluster).read()
    path = file or Path(f"{record.identity.name}.{'db' if optuna else 'jsonl'}")
    if optuna:
        write_storage(record, path)
    else:
        write_export(record, path)
    click.echo(f"wrote {path}: {len(record.trials)} trials")
