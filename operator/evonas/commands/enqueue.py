"""`evonas enqueue`: your own candidates, tried before those that the agent proposes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from evonas.commands.searches import cluster_options
from evonas.errors import EvonasError
from evonas.manifest import read_objects
from evonas.recorded.enqueuing import check_candidates, read_decisions
from evonas.recorded.search import RecordedSearch
from evonas.search.backlog import Decisions
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions


@click.command()
@click.argument("search")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--decision",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="One decision; repeat for every decision of a candidate.",
)
@cluster_options
def enqueue(search: str, file: Path | None, assignments: tuple[str, ...], cluster: ClusterOptions) -> None:
    """Queue the candidates in FILE, to be tried by SEARCH before its agent proposes more.

    FILE is JSON or YAML: the decisions of a candidate by name, as `evonas best` prints them, or a list of candidates; -
    is standard input. They count like other trials, and the agent learns from their rewards. SEARCH is the folder of a
    local run, which may be in progress, or the name of a search in a cluster, where they are appended to
    spec.warmStart.candidates.
    """
    if (file is None) == (not assignments):
        raise click.UsageError("give either FILE or --decision")
    candidates = [] if file is None else _read(Path("/dev/stdin") if str(file) == "-" else file)

    def choose(record: RecordedSearch, listed: Sequence[Decisions]) -> Sequence[Decisions]:
        given = candidates or [read_decisions(record.spec.space, assignments)]
        return check_candidates(record, listed, given)

    chosen = locate(search, cluster).enqueue(choose)
    what = "1 candidate: it is" if len(chosen) == 1 else f"{len(chosen)} candidates: they are"
    click.echo(f"enqueued {what} tried before what the agent proposes next")


def _read(path: Path) -> list[Mapping[str, Any]]:
    documents = read_objects(path)
    entries = [entry for document in documents for entry in (document if isinstance(document, list) else [document])]
    wrong = next((entry for entry in entries if not isinstance(entry, Mapping)), None)
    if wrong is not None or not entries:
        found = "nothing" if wrong is None else repr(wrong)
        raise EvonasError(f"{path} must hold candidates, each an object of decisions by name; found {found}")
    return entries
