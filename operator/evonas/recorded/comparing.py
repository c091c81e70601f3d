"""Whether searches can be compared. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from evonas.errors import EvonasError
from evonas.recorded.search import RecordedSearch


def check_comparable(records: Sequence[RecordedSearch]) -> None:
    """EvonasError unless the searches have one objective."""
    objectives = {(record.spec.objective.minimize, record.spec.objective.name) for record in records}
    if len(objectives) > 1:
        said = ", ".join(f"{'the least' if minimize else 'the most'} {name}" for minimize, name in sorted(objectives))
        raise EvonasError(f"these searches have different objectives and fit no common picture: {said}")
