"""Whether searches can be compared. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from evonas.errors import EvonasError
from evonas.recorded.search import RecordedSearch
from evonas.spec import Objective


def check_comparable(records: Sequence[RecordedSearch]) -> None:
    """EvonasError unless the searches have the same objectives, in the same order."""
    known = {tuple((each.minimize, each.name) for each in record.spec.objectives): record for record in records}
    if len(known) > 1:
        said = ", ".join(
            _in_words(record.spec.objectives) for _, record in sorted(known.items(), key=lambda each: each[0])
        )
        raise EvonasError(f"these searches have different objectives and fit no common picture: {said}")


def _in_words(objectives: Sequence[Objective]) -> str:
    return " and ".join(f"{'the least' if each.minimize else 'the most'} {each.name}" for each in objectives)
