"""Old spellings of options, which work for one more release: hidden from the help, with a line on the error output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click


class RenamingCommand(click.Command):
    """A command some of whose options had other names, or were options and are arguments now."""

    def __init__(self, *arguments: Any, renamed: Mapping[str, str], **settings: Any) -> None:
        """``renamed`` has the new name by the old one; an empty one where the value alone is given now."""
        super().__init__(*arguments, **settings)
        self._renamed = renamed

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as if the new names had been given."""
        return super().parse_args(ctx, [word for given in args for word in self._renewed(ctx, given)])

    def _renewed(self, ctx: click.Context, word: str) -> Iterator[str]:
        name, equals, value = word.partition("=")
        if name not in self._renamed:
            yield word
            return
        new = self._renamed[name]
        say_renamed(ctx, name, new or "an argument, without a name")
        if new:
            yield f"{new}{equals}{value}"
        elif value:
            yield value


def say_renamed(ctx: click.Context, old: str, new: str) -> None:
    """Say that something has a new name."""
    click.echo(f"{ctx.command_path}: {old} is now {new}; the old way works until the next release", err=True)
