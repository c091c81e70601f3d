"""Whether a record's candidates are those of its space: what derives something from them relies on it. Pure."""

from __future__ import annotations

from evonas.errors import EvonasError
from evonas.recorded.search import RecordedSearch


def check_fits(record: RecordedSearch) -> None:
    """EvonasError for a trial that nobody can have proposed: somebody has changed the record."""
    space = record.spec.space
    for trial in record.trials:
        try:
            space.to_choices(trial.decisions)
        except (TypeError, ValueError) as error:
            raise EvonasError(
                f"{record.source}: trial {trial.index} is no candidate of its space: {error}; restore the record from a"
                " copy"
            ) from error
