"""Whether searches can be compared, and from where their hypervolumes are measured then. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from evonas.errors import EvonasError
from evonas.recorded.fronts import Values, points_of, results_of, worst_of
from evonas.recorded.search import RecordedSearch


def check_comparable(records: Sequence[RecordedSearch]) -> None:
    """EvonasError unless the searches have the same objectives."""
    objectives = {tuple((each.minimize, each.name) for each in record.spec.objectives) for record in records}
    if len(objectives) > 1:
        said = ", ".join(_said(found) for found in sorted(objectives))
        raise EvonasError(f"these searches have different objectives and fit no common picture: {said}")


def common_reference(records: Sequence[RecordedSearch]) -> Values | None:
    """Return the reference from which the hypervolumes of searches with the same objectives can be compared: the worst
    that one of them declares or, where one declares none, the worst value of all; None before the first result.
    """
    points = [points_of(record.spec.objectives, results_of(record.trials)) for record in records]
    known = [worst_of(record.spec.objectives, points) for record in records]
    found = [reference for reference in known if reference is not None]
    if not found:
        return None
    objectives = records[0].spec.objectives
    return tuple(
        (max if each.minimize else min)(values)
        for each, values in zip(objectives, zip(*found, strict=True), strict=True)
    )


def _said(objectives: Sequence[tuple[bool, str]]) -> str:
    return " and ".join(f"{'the least' if minimize else 'the most'} {name}" for minimize, name in objectives)
