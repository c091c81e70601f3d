"""Several searches with the same objectives on one page: their hypervolumes, and of two objectives their fronts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evonas.report.figures.fronts import Front, fronts_figure
from evonas.report.figures.lines import line_figure
from evonas.report.groups import Group
from evonas.search.objective import in_words
from evonas.spec import Objective
from evonas.wording import axis_label


@dataclass(frozen=True)
class FrontComparison:
    """What the page shows of all searches."""

    hypervolumes: Markup
    fronts: Markup | None
    """None with more than two objectives."""
    reference: str
    """Where all hypervolumes are measured from, in words."""


def compare_fronts(groups: Sequence[Group], reference: tuple[float, ...]) -> FrontComparison:
    """Return what the page shows of groups of searches that all have results."""
    objectives = groups[0].records[0].spec.objectives
    lines = [found.hypervolumes(reference) for found in groups]
    return FrontComparison(
        hypervolumes=line_figure(
            lines, x_label="results", y_label="hypervolume", description="hypervolume of the fronts so far"
        ),
        fronts=_fronts(groups, objectives) if len(objectives) == 2 else None,
        reference=in_words(objectives, reference),
    )


def _fronts(groups: Sequence[Group], objectives: Sequence[Objective]) -> Markup:
    upward, across = objectives
    fronts: list[Front] = [
        (number, record.identity.name, [(second, first) for first, second in record.totals.front.values])
        for number, found in enumerate(groups)
        for record in found.records
    ]
    return fronts_figure(
        fronts,
        minimize=(across.minimize, upward.minimize),
        x_label=axis_label(across.name, minimize=across.minimize),
        y_label=axis_label(upward.name, minimize=upward.minimize),
        description=f"fronts: {upward.name} against {across.name}",
    )
