"""`evonas export`: a search's whole record in one file, for another machine, another time, another person; or its
trials for other tools.
"""

from __future__ import annotations

from pathlib import Path

import click

from evonas.bridges.mlflow_runs import write_runs
from evonas.bridges.optuna_storage import write_storage
from evonas.commands.renamed import say_renamed
from evonas.commands.searches import cluster_options, says_what_a_search_is
from evonas.errors import EvonasError
from evonas.sources.export import is_table, write_export
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions
from evonas.sources.source import say_on_stderr
from evonas.wording import counted


@click.command()
@click.argument("search")
@click.argument("old_file", required=False, metavar="", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--to",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; a table, if its name ends in .csv. Default: NAME.jsonl, or NAME.db for Optuna.",
)
@click.option("--optuna", is_flag=True, help="Write an Optuna storage (SQLite) for its dashboard and plots instead.")
@click.option("--mlflow", metavar="URI", help="Write missing runs to the MLflow tracking store at URI instead.")
@click.option("--experiment", metavar="NAME", help="MLflow experiment. Default: the search's name.")
@cluster_options
@says_what_a_search_is
@click.pass_context
def export(
    ctx: click.Context,
    search: str,
    old_file: Path | None,
    file: Path | None,
    optuna: bool,
    mlflow: str | None,
    experiment: str | None,
    cluster: ClusterOptions,
) -> None:
    """Write the whole record of SEARCH to a file.

    The file has JSON lines: a header, the search, what its agent knew from earlier searches, its trials, and a
    checksum. It contains the manifest, including the container's environment variables, but not the trials' logs. A
    file whose name ends in .csv has a row for each trial instead.
    """
    if old_file is not None:
        say_renamed(ctx, str(old_file), f"--to {old_file}")
        file = file or old_file
    if mlflow is not None and (file is not None or optuna):
        raise click.UsageError("--mlflow writes to a tracking store: leave out --to and --optuna")
    if experiment is not None and mlflow is None:
        raise click.UsageError("--experiment is MLflow's: name the tracking store by --mlflow")
    is_csv = file is not None and not optuna and is_table(file)
    if optuna and file is not None and file.suffix.lower() in (".csv", ".json", ".jsonl"):
        raise EvonasError(f"cannot write {file}: --optuna writes an SQLite file; name one that ends in .db, say")
    record = locate(search, cluster).read()
    if mlflow is not None:
        experiment = experiment or record.identity.name
        new, ended = write_runs(record, mlflow, experiment)
        whole = "the only trial that has ended" if ended == 1 else f"all {ended} trials that have ended"
        click.echo(f"wrote {counted(new, 'run')} to the experiment {experiment}: it has {whole}")
        return
    path = file or Path(f"{record.identity.name}.{'db' if optuna else 'jsonl'}")
    if optuna:
        write_storage(record, path)
    else:
        if record.lacking is not None and not is_csv:
            # What there is may be needed all the more.
            say_on_stderr(f"the file is incomplete: {record.lacking}")
        write_export(record, path)
    click.echo(f"wrote {path}: {counted(len(record.trials), 'trial')}")
