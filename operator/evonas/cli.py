"""The command line: `evonas`, and the same program as `kubectl evonas`."""

from __future__ import annotations

import importlib
import sys

import click

from evonas.errors import EvonasError

_COMMANDS = {
    "operator": "evonas.commands.operator",
    "report": "evonas.commands.report",
    "run": "evonas.commands.run",
}


class _LazyGroup(click.Group):
    """Imports a command's module only when the command is used: each needs other heavy packages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(importlib.import_module(_COMMANDS[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="evonas")
def cli() -> None:
    """Neural architecture search on Kubernetes, or on this machine."""


def main() -> None:
    """Run the command line; errors meant for users are printed without a traceback."""
    try:
        cli()
    except EvonasError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
