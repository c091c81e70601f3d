"""The command line: `evonas`, and the same program as `kubectl evonas`."""

from __future__ import annotations

import importlib
import signal
import sys
from typing import NoReturn

import click

from evonas.errors import EvonasError

_COMMANDS = {
    "best": "evonas.commands.best",
    "doctor": "evonas.commands.doctor",
    "enqueue": "evonas.commands.enqueue",
    "explain": "evonas.commands.explain",
    "export": "evonas.commands.export",
    "get": "evonas.commands.get",
    "import": "evonas.commands.import_",
    "logs": "evonas.commands.logs",
    "operator": "evonas.commands.operator",
    "pin": "evonas.commands.pin",
    "plan": "evonas.commands.plan",
    "replay": "evonas.commands.replay",
    "report": "evonas.commands.report",
    "run": "evonas.commands.run",
    "veto": "evonas.commands.veto",
    "watch": "evonas.commands.watch",
}


class _LazyGroup(click.Group):
    """Imports a command's module only when the command is used: each needs other heavy packages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(importlib.import_module(_COMMANDS[cmd_name]), _COMMANDS[cmd_name].rpartition(".")[2])
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="evonas")
def cli() -> None:
    """Neural architecture search on Kubernetes, or on this machine."""


def main() -> None:
    """Run the command line; errors meant for users are lines that begin with ``error:``, without a traceback."""
    try:
        sys.exit(cli(sys.argv[1:] or ["--help"], standalone_mode=False))
    except EvonasError as error:
        _fail(str(error))
    except click.UsageError as error:
        cure = f" (see {error.ctx.command_path} --help)" if error.ctx is not None else ""
        _fail(error.format_message() + cure)
    except click.ClickException as error:
        _fail(error.format_message())
    except click.Abort:
        sys.exit(128 + signal.SIGINT)


def _fail(problems: str) -> NoReturn:
    for problem in problems.splitlines():
        click.echo(f"error: {problem}", err=True)
    sys.exit(2)
