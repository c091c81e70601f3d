"""A search's trials as a table of text, one row a trial: a record in CSV, for spreadsheets and data frames. Pure.

Its columns are those of the table for pandas (``python.trials``), with the decisions in the order of the space. It has
no manifest: no search can be read from it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from evonas.recorded.fronts import ranks_of
from evonas.recorded.search import RecordedSearch
from evonas.search.codec import to_time
from evonas.search.objective import values_of
from evonas.search.trial import Trial
from evonas.search.trial_environment import seed_of, to_text
from evonas.space import Value

OWN = ("trial", "state", "reward", "origin", "parent", "seed", "started", "ended", "seconds")
"""The columns that every search has; they come first."""

Cell = Value | datetime | None


def table_lines(record: RecordedSearch) -> Iterator[bytes]:
    """Yield the lines of a record's CSV, the headings first; a cell without a value is empty."""
    several = [each.name for each in record.spec.objectives] if record.spec.has_several else []
    decisions = [decision.name for decision in record.spec.space.decisions]
    metrics = [*dict.fromkeys(name for trial in record.trials for name in trial.metrics)]
    ranks = ranks_of(record.spec.objectives, record.trials) if several else {}
    yield _line(
        [
            *OWN,
            *(["rank"] if several else []),
            *(f"objectives.{name}" for name in several),
            *(f"decisions.{name}" for name in decisions),
            *(f"metrics.{name}" for name in metrics),
        ]
    )
    for trial in record.trials:
        values = values_of(record.spec.objectives, trial) or (None,) * len(several)
        yield _line(
            [
                *_own(record, trial),
                *([ranks.get(trial.index), *values] if several else []),
                *(trial.decisions.get(name) for name in decisions),
                *(trial.metrics.get(name) for name in metrics),
            ]
        )


def _own(record: RecordedSearch, trial: Trial) -> Iterator[Cell]:
    yield from (trial.index, trial.state.value, trial.reward, trial.proposal.origin, trial.proposal.parent)
    yield from (seed_of(record.spec, trial), trial.start_time, trial.completion_time, trial.seconds)


def _line(cells: list[Cell] | list[str]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow([_text(cell) for cell in cells])
    return written.getvalue().encode()


def _text(cell: Cell) -> str:
    if cell is None or isinstance(cell, datetime):
        return to_time(cell) or ""
    return to_text(cell)
