"""Draws the fronts of searches with several objectives, and how their hypervolumes grew, with matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.extras import require
from evonas.recorded.comparing import common_reference
from evonas.recorded.fronts import find_standings, grow, points_of, results_of
from evonas.recorded.search import RecordedSearch
from evonas.report.plots import save_drawing
from evonas.search.objective import oriented_values
from evonas.wording import axis_label

if TYPE_CHECKING:
    from evonas.report.drawing import Drawing


def save_fronts(searches: Mapping[str, RecordedSearch], path: Path) -> None:
    """Write the drawing; EvonasError if it cannot be written, MissingExtra without matplotlib."""
    save_drawing(draw_fronts(searches), path)


def draw_front(record: RecordedSearch) -> Drawing:
    """Return the picture of one search."""
    return draw_fronts({record.identity.name: record})


def draw_fronts(searches: Mapping[str, RecordedSearch]) -> Drawing:
    """Return the picture of searches with the same objectives: their fronts in the first two objectives on the left, of
    a single search with the other results, and the hypervolumes above one reference on the right. MissingExtra without
    matplotlib.
    """
    require("plots", "a picture of the front")
    from evonas.report.drawing import Drawing  # noqa: PLC0415 - imports matplotlib

    figure = Drawing(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    records = [*searches.values()]
    reference = common_reference(records)
    for number, (label, record) in enumerate(searches.items()):
        objectives, results = record.spec.objectives, results_of(record.trials)
        points = points_of(objectives, results)
        values = [oriented_values(objectives, point) for point in points.tolist()]
        are_members = (find_standings(objectives, points) == 0).tolist()
        colour = f"C{number}"
        if len(records) == 1:
            behind = [value for value, is_one in zip(values, are_members, strict=True) if not is_one]
            _scatter(left, behind, label="dominated", color="0.65", s=14)
        members = [value for value, is_one in zip(values, are_members, strict=True) if is_one]
        _scatter(left, members, label="on the front" if len(records) == 1 else label, color=colour, s=28, zorder=3)
        steps, count = (
            grow(objectives, record.trials, reference),
            sum(trial.imported is None for trial in results),
        )
        volumes = [0.0, *steps.volumes, steps.at(count)]
        right.step([0, *steps.results, count], volumes, where="post", color=colour, label=label)
    up, across = records[0].spec.objectives[:2]
    left.set(
        title="Front",
        xlabel=axis_label(across.name, minimize=across.minimize),
        ylabel=axis_label(up.name, minimize=up.minimize),
    )
    right.set(title="Hypervolume", xlabel="results", ylabel="hypervolume")
    right.xaxis.get_major_locator().set_params(integer=True)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    left.legend()
    return figure


def _scatter(axes: Any, values: Sequence[Sequence[float]], **style: Any) -> None:
    axes.scatter([value[1] for value in values], [value[0] for value in values], **style)
