"""What a notebook shows of a search: where it stands, its two curves, its best trials; of several objectives, the front
and how its hypervolume grew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evonas.python.page import render
from evonas.python.trials import MOST_ROWS, trial_of
from evonas.recorded.curves import best_so_far, moving_average, rewards_in_order
from evonas.recorded.fronts import grow, results_of
from evonas.recorded.pareto import find_front
from evonas.recorded.search import RecordedSearch
from evonas.report.figures.lines import Line, line_figure
from evonas.report.figures.scatter import Place, Point, frame_around, scatter_figure
from evonas.search.objective import oriented, oriented_values, values_of
from evonas.search.recommendation import in_words, recommend
from evonas.search.totals import WINDOW
from evonas.search.trial import Trial
from evonas.wording import axis_label


def search_html(record: RecordedSearch) -> str:
    """Return the view of a record."""
    if record.spec.has_several:
        return _front_html(record)
    objective = record.spec.objective
    rewards = rewards_in_order(record.trials)
    ranked = sorted(
        (trial for trial in record.trials if trial.reward is not None and not trial.is_confirmation),
        key=lambda trial: (-oriented(objective, trial.reward or 0.0), trial.index),
    )
    metric = objective.name
    recommended = recommend(record.spec, record.totals)
    return render(
        "search.html.j2",
        overview=record.overview,
        metric=metric,
        learned_from=record.learned_from,
        recommended=None if recommended is None else in_words(recommended),
        average=_curve("moving average", moving_average(rewards), metric) if rewards else None,
        best=_curve("best so far", best_so_far(rewards, minimize=objective.minimize), metric) if rewards else None,
        window=WINDOW,
        trials=[trial_of(record.spec, trial) for trial in ranked[:MOST_ROWS]],
        results=len(ranked),
        objectives=(),
    )


def _front_html(record: RecordedSearch) -> str:
    objectives, front = record.spec.objectives, record.totals.front
    shown = front.cover(MOST_ROWS)
    results = results_of(record.trials)
    return render(
        "search.html.j2",
        overview=record.overview,
        metric=record.spec.objective.name,
        objectives=[each.name for each in objectives],
        learned_from=record.learned_from,
        recommended=None,
        average=_scatter(record, results) if results else None,
        best=_growth(record, len(results)) if results else None,
        window=WINDOW,
        trials=[trial_of(record.spec, front.members[place], 0) for place in shown],
        results=len(front),
    )


def _scatter(record: RecordedSearch, results: Sequence[Trial]) -> str:
    """Return the results in the first two objectives; the border is of the front in these two."""
    up, across = record.spec.objectives[:2]
    members = {trial.index for trial in record.totals.front.members}
    values = {trial.index: values_of(record.spec.objectives, trial) or () for trial in results}
    places = {index: (found[1], found[0]) for index, found in values.items()}
    order = sorted(members, key=lambda index: oriented_values((up, across), values[index][:2]), reverse=True)
    points = [(one, other) for one, other in (oriented_values((up, across), values[index][:2]) for index in order)]
    return scatter_figure(
        frame_around([*places.values()], [], []),
        front=[_point(order[place], places, record) for place in find_front(points)],
        dominated=[place for index, place in places.items() if index not in members],
        infeasible=[],
        limits=[],
        minimize=(across.minimize, up.minimize),
        x_label=axis_label(across.name, minimize=across.minimize),
        y_label=axis_label(up.name, minimize=up.minimize),
        description=f"{up.name} against {across.name}",
    )


def _point(index: int, places: Mapping[int, Place], record: RecordedSearch) -> Point:
    up, across = record.spec.objectives[:2]
    at = places[index]
    return Point(at, f"trial {index}: {up.name} {at[1]:.6g}, {across.name} {at[0]:.6g}")


def _growth(record: RecordedSearch, results: int) -> str:
    steps = grow(record.spec.objectives, record.trials)
    values = [steps.at(place) for place in range(1, results + 1)]
    return line_figure(
        [Line("hypervolume", values)], x_label="results", y_label="hypervolume", description="hypervolume of the front"
    )


def _curve(label: str, values: Sequence[float], metric: str) -> str:
    description = f"{label} of {metric}"
    return line_figure([Line(label, values)], x_label="results", y_label=metric, description=description)
