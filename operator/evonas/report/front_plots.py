"""Draws the front of a search with several objectives, and how its hypervolume grew, with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evonas.extras import require
from evonas.recorded.fronts import find_standings, grow, points_of, results_of
from evonas.recorded.search import RecordedSearch
from evonas.search.objective import oriented_values

if TYPE_CHECKING:
    from evonas.report.drawing import Drawing


def draw_front(record: RecordedSearch) -> Drawing:
    """Return the picture: the results in the first two objectives with the front on the left, the hypervolume on the
    right. MissingExtra without matplotlib.
    """
    require("plots", "a picture of the front")
    from evonas.report.drawing import Drawing  # noqa: PLC0415 - imports matplotlib

    objectives, results = record.spec.objectives, results_of(record.trials)
    points = points_of(objectives, results)
    values = [oriented_values(objectives, point) for point in points.tolist()]
    ranks = find_standings(objectives, points)
    figure = Drawing(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for label, is_shown, style in (
        ("dominated", ranks != 0, {"color": "0.65", "s": 14}),
        ("on the front", ranks == 0, {"color": "C0", "s": 28, "zorder": 3}),
    ):
        shown = [value for value, is_one in zip(values, is_shown.tolist(), strict=True) if is_one]
        left.scatter([value[1] for value in shown], [value[0] for value in shown], label=label, **style)
    up, across = objectives[:2]
    left.set(title="Front", xlabel=_axis(across.name, across.minimize), ylabel=_axis(up.name, up.minimize))
    steps, count = grow(objectives, record.trials), sum(trial.imported is None for trial in results)
    right.step([0, *steps.results, count], [0.0, *steps.volumes, steps.at(count)], where="post")
    right.set(title="Hypervolume", xlabel="results", ylabel="hypervolume")
    right.xaxis.get_major_locator().set_params(integer=True)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    left.legend()
    return figure


def _axis(name: str, minimize: bool) -> str:
    return f"{name} ({'less' if minimize else 'more'} is better)"
