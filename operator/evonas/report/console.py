"""Where tables are printed: as wide as the terminal, and not truncated in a file or a pipe."""

from __future__ import annotations

from rich.console import Console

UNBOUNDED = 10_000


def open_console() -> Console:
    """Return a console for standard output."""
    console = Console(highlight=False, markup=False, emoji=False)
    return console if console.is_terminal else Console(width=UNBOUNDED, highlight=False, markup=False, emoji=False)
