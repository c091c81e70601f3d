"""An export file as a source, and writing one; ``recorded.export`` knows what is in it, ``recorded.table`` what is in
one for spreadsheets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from evonas.errors import EvonasError
from evonas.recorded.export import export_lines, parse_export
from evonas.recorded.search import RecordedSearch
from evonas.recorded.table import table_lines
from evonas.search.backlog import Decisions
from evonas.search.trial import Trial
from evonas.sources.source import Change, Choice

_OTHER_FORMATS = {
    **dict.fromkeys((".db", ".sqlite", ".sqlite3"), "`evonas export --optuna` writes an Optuna storage"),
    **dict.fromkeys((".htm", ".html", ".pdf", ".png", ".svg"), "`evonas report` writes pages and plots"),
    **dict.fromkeys((".feather", ".ods", ".parquet", ".tsv", ".xls", ".xlsx"), "what reads this format reads CSV"),
    **dict.fromkeys((".gz", ".zip", ".zst"), "compress the file afterwards"),
    **dict.fromkeys((".yaml", ".yml"), "`evonas get -o yaml` prints the search"),
}
"""Endings that promise what no export is, with what to do instead."""


class ExportSource:
    """The export in the file ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> RecordedSearch:
        """Return the record as it was exported."""
        try:
            content = self._path.read_bytes()
        except OSError as error:
            raise EvonasError(f"cannot read {self._path}: {error.strerror}") from error
        return parse_export(content, str(self._path))

    def log(
        self, trial: Trial, attempt: int, write: Callable[[bytes], object], *, follow: bool, tail: int | None = None
    ) -> None:
        """Exports hold no logs."""
        raise EvonasError(
            f"{self._path} is an export, which holds no logs; name the run's folder or the search in the cluster"
        )

    def enqueue(self, choose: Choice, *, preview: bool = False) -> Sequence[Decisions]:
        """Exports cannot be changed."""
        raise self._not_run()

    def veto(self, index: int, because: str, *, preview: bool = False) -> None:
        """Exports cannot be changed."""
        raise self._not_run()

    def pin(self, index: int, *, stays: bool, preview: bool = False) -> None:
        """Exports cannot be changed."""
        raise self._not_run()

    def change(self, change: Change, *, preview: bool = False) -> None:
        """Exports cannot be changed."""
        raise self._not_run()

    def _not_run(self) -> EvonasError:
        return EvonasError(
            f"{self._path} is an export, which is not running; name the run's folder or the search in the cluster"
        )


def is_table(path: Path) -> bool:
    """Say whether an export of this name is a table in CSV, which needs no more than the trials; EvonasError if its
    ending promises what no export is.
    """
    ending = path.suffix.lower()
    if (instead := _OTHER_FORMATS.get(ending)) is not None:
        raise EvonasError(
            f"cannot write {path}: an export is JSON lines or, if its name ends in .csv, a table; {instead}"
        )
    return ending == ".csv"


def write_export(record: RecordedSearch, path: Path) -> None:
    """Write a record to a file that appears whole or not at all, as its ending says; EvonasError if it cannot be
    written.
    """
    lines = table_lines(record) if is_table(path) else export_lines(record, datetime.now(UTC))
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.writelines(lines)
        partial.replace(path)
    except OSError as error:
        raise EvonasError(f"cannot write {path}: {error.strerror}") from error
