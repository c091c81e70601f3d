"""Draws the fronts of searches with several objectives, and how their hypervolumes grew, with matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.extras import require
from evonas.recorded.comparing import common_reference
from evonas.recorded.fronts import find_standings, grow, points_of, results_of
from evonas.recorded.search import RecordedSearch
from evonas.report.plots import save_drawing
from evonas.search.objective import oriented_values
from evonas.spec import Objective
from evonas.wording import axis_label

if TYPE_CHECKING:
    from evonas.report.drawing import Drawing


_SHAPES = "os^Dv<>p"
"""Of the members of each search: hollow, of different shapes and sizes, those in one place are all seen."""
_SMALLEST, _STEP, _LARGEST = 40, 20, 160
"""Areas of these markers, in square points."""
_LEGEND_WIDTH, _MARK_WIDTH = 120, 8
"""How many characters of a legend fit beside each other, and how many a marker takes the room of."""
_ROW_INCHES = 0.25


def save_fronts(searches: Mapping[str, RecordedSearch], path: Path) -> None:
    """Write the drawing; EvonasError if it cannot be written, MissingExtra without matplotlib."""
    save_drawing(draw_fronts(searches), path)


def draw_front(record: RecordedSearch) -> Drawing:
    """Return the picture of one search."""
    return draw_fronts({record.identity.name: record})


def draw_fronts(searches: Mapping[str, RecordedSearch]) -> Drawing:
    """Return the picture of searches with the same objectives: their fronts in the first two objectives on the left, of
    a single search with the other results and the references, and the hypervolumes, measured from one reference, on the
    right. MissingExtra without matplotlib.
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
        ranks = find_standings(objectives, points).tolist()
        members = [value for value, rank in zip(values, ranks, strict=True) if rank == 0]
        colour = f"C{number}"
        if len(records) == 1:
            behind = [value for value, rank in zip(values, ranks, strict=True) if rank > 0]
            worse = [value for value, rank in zip(values, ranks, strict=True) if rank < 0]
            _scatter(left, members, label="on the front", color=colour, s=28, zorder=3)
            for found, said, marker in ((behind, "dominated", "o"), (worse, "worse than a reference", "x")):
                if found:
                    _scatter(left, found, label=said, color="0.65", s=16, marker=marker)
        else:
            shape = _SHAPES[number % len(_SHAPES)]
            size = min(_LARGEST, _SMALLEST + _STEP * (len(records) - 1 - number))
            style: dict[str, Any] = {"marker": shape, "facecolors": "none", "edgecolors": colour, "linewidths": 1.5}
            _scatter(left, members, label=label, s=size, zorder=3, **style)
        steps, count = (
            grow(objectives, record.trials, reference),
            sum(trial.imported is None for trial in results),
        )
        volumes = [0.0, *steps.volumes, steps.at(count)]
        right.step([0, *steps.results, count], volumes, where="post", color=colour, label=label)
    up, across, *others = records[0].spec.objectives
    if len(records) == 1:
        _draw_references(left, up, across)
    hidden = ", ".join(each.name for each in others)
    left.set(
        title=f"Front in {up.name} and {across.name}\nnot shown: {hidden}" if hidden else "Front",
        xlabel=axis_label(across.name, minimize=across.minimize),
        ylabel=axis_label(up.name, minimize=up.minimize),
    )
    right.set(title="Hypervolume", xlabel="results", ylabel="hypervolume")
    right.xaxis.get_major_locator().set_params(integer=True)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    _add_legend(figure, left)
    return figure


def _scatter(axes: Any, values: Sequence[Sequence[float]], **style: Any) -> None:
    axes.scatter([value[1] for value in values], [value[0] for value in values], **style)


def _add_legend(figure: Drawing, axes: Any) -> None:
    """Add a legend below the pictures, where it hides no result."""
    handles, labels = axes.get_legend_handles_labels()
    columns = min(len(labels), max(1, _LEGEND_WIDTH // (max(map(len, labels)) + _MARK_WIDTH)))
    figure.set_figheight(figure.get_figheight() + _ROW_INCHES * math.ceil(len(labels) / columns))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def _draw_references(axes: Any, up: Objective, across: Objective) -> None:
    """Draw the references that are among the results: one far from them would squeeze them together."""
    label = "reference"
    for reference, (low, high), draw in (
        (across.reference, axes.get_xlim(), axes.axvline),
        (up.reference, axes.get_ylim(), axes.axhline),
    ):
        if reference is not None and low <= reference <= high:
            draw(reference, color="0.4", linestyle=":", linewidth=1, label=label)
            label = "_nolegend_"
