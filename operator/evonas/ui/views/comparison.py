"""Searches with the same objectives beside each other, grouped as in the report."""

from __future__ import annotations

from collections.abc import Mapping

from evonas.recorded.comparing import check_comparable
from evonas.recorded.search import RecordedSearch
from evonas.report.groups import group
from evonas.report.numbers import comparison_of
from evonas.ui.models import Comparison


def compare(records: Mapping[str, RecordedSearch]) -> Comparison:
    """Return the searches by group; ``records`` are by id. EvonasError if their objectives differ."""
    found = list(records.values())
    check_comparable(found)
    ids = {id(record): name for name, record in records.items()}
    return Comparison.model_validate(comparison_of(group(found), ids))
