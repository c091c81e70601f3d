"""The command line: `evonas`, and the same program as `kubectl evonas`."""

from __future__ import annotations

import importlib
import keyword
import signal
import sys
from typing import NoReturn

import click

from evonas.errors import EvonasError
from evonas.extras import require
from evonas.hints import did_you_mean

_COMMANDS = {
    "best": "Print the decisions of the best candidate.",
    "doctor": "Check an installation and a namespace.",
    "enqueue": "Queue your own candidates to be tried next.",
    "explain": "Explain how the agent arrived at a candidate.",
    "export": "Write the whole record of a search to a file.",
    "get": "List searches, or show some and their trials.",
    "import": "Convert a Katib Experiment to a search.",
    "logs": "Print the output of a trial.",
    "operator": "Run the operator, as its container does.",
    "pin": "Keep a trial in the agent's population.",
    "plan": "Show the size, first candidates and worst-case cost of a search.",
    "replay": "Check that every proposal follows from the record.",
    "report": "Write a report on searches: curves, tables, Pareto front.",
    "run": "Run or resume a search on this machine.",
    "ui": "Show searches on a live page in the browser.",
    "veto": "End a trial without a result as infeasible.",
    "watch": "Show the progress of a search until it ends.",
}
"""The summaries in ``evonas --help``; the modules in ``commands`` have the rest."""


class _LazyGroup(click.Group):
    """Imports a command's module only when the command is used, because each needs different heavy packages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        if cmd_name == "operator":
            # The only command that cannot even be described without the packages of an extra.
            require("operator", "the operator")
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command = getattr(importlib.import_module(f"evonas.commands.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"No such command {args[0]!r}{did_you_mean(args[0], _COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="evonas")
def cli() -> None:
    """Neural architecture search on Kubernetes, or on this machine."""


def main() -> None:
    """Run the command line; print errors for users as lines that begin with ``error:``, without a traceback."""
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
