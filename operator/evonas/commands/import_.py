"""`evonas import`: another tool's description of a search as an ArchitectureSearch."""

from __future__ import annotations

from pathlib import Path

import click

from evonas.bridges.katib.experiment import convert
from evonas.bridges.katib.objectives import parse_objectives
from evonas.commands.renamed import RenamingCommand
from evonas.errors import EvonasError
from evonas.manifest import read_objects, to_yaml


@click.command("import", cls=RenamingCommand, renamed={"--output": "--to"})
@click.argument("form", type=click.Choice(["katib"]), metavar="katib")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--to", "output", type=click.Path(dir_okay=False, path_type=Path), help="File to write. Default: print it."
)
@click.option(
    "--objectives",
    metavar="LIST",
    help="Collected metrics to optimise at once, such as accuracy:max,latency:min. Default: Katib's one objective.",
)
def import_(form: str, file: Path, output: Path | None, objectives: str | None) -> None:
    """Convert the Katib Experiment in FILE to an ArchitectureSearch.

    Differences are listed on standard error and in comments in the manifest. If something essential has no counterpart,
    nothing is written and all reasons are given.
    """
    experiments = [body for body in read_objects(file) if isinstance(body, dict) and body.get("kind") == "Experiment"]
    if len(experiments) != 1:
        raise EvonasError(f"{file} must hold exactly one object of kind Experiment, found {len(experiments)}")
    converted = convert(experiments[0], None if objectives is None else parse_objectives(objectives))
    comments = "".join(f"# {difference}\n" for difference in converted.differences)
    text = (
        f"# From {file.name}. Where it differs from the Katib Experiment:\n" if comments else f"# From {file.name}.\n"
    )
    text += comments + to_yaml(converted.manifest)
    for difference in converted.differences:
        click.echo(f"differs: {difference}", err=True)
    if converted.collected:
        named = ", ".join(converted.collected)
        click.echo(f"note: {named}: only collected, as in Katib; --objectives makes metrics objectives", err=True)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EvonasError(f"cannot write {output}: {error.strerror}") from error
    click.echo(f"wrote {output}")
