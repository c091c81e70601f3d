"""How the benchmarks print what they measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table


def print_rows(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Print a table whose columns are the keys of its rows, which all have the same."""
    table = Table(title=title)
    for name in rows[0]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console(width=200).print(table)


def markdown_row(cells: Sequence[str]) -> str:
    """Return one line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def markdown_head(cells: Sequence[str]) -> list[str]:
    """Return the first lines of a Markdown table."""
    return [markdown_row(cells), markdown_row(["---"] * len(cells))]
