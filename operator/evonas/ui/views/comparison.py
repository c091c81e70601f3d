"""Searches of one objective beside each other, grouped as in the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evonas.errors import EvonasError
from evonas.recorded.search import RecordedSearch
from evonas.report.groups import group
from evonas.search.totals import WINDOW
from evonas.ui.models import Comparison, Group


def compare(records: Mapping[str, RecordedSearch]) -> Comparison:
    """Return the searches by group; ``records`` are by id. EvonasError if their objectives differ."""
    check_comparable(list(records.values()))
    objective = next(iter(records.values())).spec.objective
    ids = {id(record): name for name, record in records.items()}
    groups = []
    for found in group(list(records.values())):
        averages, bests = found.averages, found.bests
        groups.append(
            Group(
                label=found.label,
                searches=[ids[id(record)] for record in found.records],
                averages=list(averages.values),
                average_deviations=list(averages.deviations),
                bests=list(bests.values),
                best_deviations=list(bests.deviations),
            )
        )
    return Comparison(metric=objective.name, minimize=objective.minimize, window=WINDOW, groups=groups)


def check_comparable(records: Sequence[RecordedSearch]) -> None:
    """EvonasError unless the searches have one objective."""
    objectives = {(record.spec.objective.minimize, record.spec.objective.name) for record in records}
    if len(objectives) > 1:
        said = ", ".join(f"{'the least' if minimize else 'the most'} {name}" for minimize, name in sorted(objectives))
        raise EvonasError(f"these searches have different objectives and fit no common picture: {said}")
