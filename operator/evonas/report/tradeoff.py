"""A search's candidates in two metrics, as the page shows them: the figure, the front's table, and the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from evonas.recorded.pareto import REWARD, Axes, trade_off, values
from evonas.recorded.search import RecordedSearch
from evonas.report.figures.scatter import Limit, Place, Point, frame_around, scatter_figure
from evonas.search.trial import Trial
from evonas.search.trial_environment import to_text
from evonas.wording import axis_label

MAX_ROWS = 50
"""How many trials of the front the table lists at most: the best in the first metric."""


@dataclass(frozen=True)
class Row:
    """A trial of the front."""

    trial: Trial
    first: float
    second: float
    decisions: str
    is_winner: bool


@dataclass(frozen=True)
class TradeoffView:
    """What the page shows for two metrics."""

    axes: Axes
    figure: Markup | None
    """None if no trial reported both."""
    rows: list[Row]
    front: int
    dominated: int
    infeasible: int
    outside: int
    """How many of the infeasible points lie beyond the edges of the drawing."""
    unknown: int
    """How many results lack one of the metrics."""
    limits: list[str]
    is_weighted: bool
    """Whether one of the metrics is the reward and includes soft constraints."""


def view_tradeoff(record: RecordedSearch, axes: Axes, winner: Trial | None) -> TradeoffView:
    """Return what the page shows for a search's candidates in two metrics."""
    found = trade_off(record.trials, axes)
    constraints = [each for objective in record.spec.objectives for each in objective.constraints]
    results = sum(trial.reward is not None and not trial.is_confirmation for trial in record.trials)
    feasible = [_place(trial, axes) for trial in (*found.front, *found.dominated)]
    infeasible = [_place(trial, axes) for trial in found.infeasible]
    limits = [*_limits(record, axes)]
    frame = frame_around(feasible, infeasible, limits)
    inside = [place for place in infeasible if frame.holds(place)]
    figure = scatter_figure(
        frame,
        front=[_point(trial, axes, winner) for trial in found.front],
        dominated=[_place(trial, axes) for trial in found.dominated],
        infeasible=inside,
        limits=limits,
        minimize=(axes[1].minimize, axes[0].minimize),
        x_label=axis_label(axes[1].metric, minimize=axes[1].minimize),
        y_label=axis_label(axes[0].metric, minimize=axes[0].minimize),
        description=f"{axes[0].metric} against {axes[1].metric}",
    )
    return TradeoffView(
        axes=axes,
        figure=figure if feasible or infeasible else None,
        rows=[_row(trial, axes, winner) for trial in found.front[:MAX_ROWS]],
        front=len(found.front),
        dominated=len(found.dominated),
        infeasible=len(infeasible),
        outside=len(infeasible) - len(inside),
        unknown=results - len(feasible),
        limits=[
            f"{constraint.metric} ≤ {constraint.maximum:g}"
            for constraint in constraints
            if constraint.maximum is not None
        ],
        is_weighted=REWARD in [axis.metric for axis in axes] and any(item.target is not None for item in constraints),
    )


def _row(trial: Trial, axes: Axes, winner: Trial | None) -> Row:
    decisions = " ".join(f"{name}={to_text(value)}" for name, value in trial.decisions.items())
    return Row(trial, *values(trial, axes), decisions, winner is not None and trial.index == winner.index)


def _point(trial: Trial, axes: Axes, winner: Trial | None) -> Point:
    first, second = values(trial, axes)
    title = f"trial {trial.index}: {axes[0].metric} {first:.6g}, {axes[1].metric} {second:.6g}"
    return Point((second, first), title, is_ringed=winner is not None and trial.index == winner.index)


def _place(trial: Trial, axes: Axes) -> Place:
    first, second = values(trial, axes)
    return second, first


def _limits(record: RecordedSearch, axes: Axes) -> Iterator[Limit]:
    for constraint in (each for objective in record.spec.objectives for each in objective.constraints):
        for axis, is_upright in zip(axes, (False, True), strict=True):
            if constraint.metric == axis.metric and constraint.maximum is not None:
                yield Limit(constraint.maximum, is_upright, "hard")
            elif constraint.metric == axis.metric and constraint.target is not None:
                yield Limit(constraint.target, is_upright, "soft")
