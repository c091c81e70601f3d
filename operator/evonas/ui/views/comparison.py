"""Searches of one objective beside each other, grouped as in the report."""

from __future__ import annotations

from collections.abc import Mapping

from evonas.recorded.comparing import check_comparable
from evonas.recorded.search import RecordedSearch
from evonas.report.groups import group
from evonas.report.numbers import group_of
from evonas.search.totals import WINDOW
from evonas.ui.models import Comparison, Group


def compare(records: Mapping[str, RecordedSearch]) -> Comparison:
    """Return the searches by group; ``records`` are by id. EvonasError if their objectives differ."""
    check_comparable(list(records.values()))
    objective = next(iter(records.values())).spec.objective
    ids = {id(record): name for name, record in records.items()}
    groups = [
        Group.model_validate(group_of(found, [ids[id(record)] for record in found.records]))
        for found in group(list(records.values()))
    ]
    return Comparison(metric=objective.name, minimize=objective.minimize, window=WINDOW, groups=groups)
