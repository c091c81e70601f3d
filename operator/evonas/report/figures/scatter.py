"""Points in two metrics: the front with its steps, what stands behind it, infeasible points, and limits as lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from markupsafe import Markup

from evonas.report.figures.frame import Frame, representable

REACH = 0.5
"""How far the drawing extends beyond the feasible points to show others, relative to their extent: one candidate that
is infeasible because of a thousandfold latency must not squeeze all others against an edge."""

Place = tuple[float, float]
"""A horizontal and a vertical value."""


@dataclass(frozen=True)
class Point:
    """A point that has a name."""

    at: Place
    title: str
    is_ringed: bool = False
    spread: Spread | None = None


@dataclass(frozen=True)
class Spread:
    """Where repeating a point has put it."""

    at: Place
    """The means."""
    deviations: Place


@dataclass(frozen=True)
class Limit:
    """A line across the drawing."""

    value: float
    is_upright: bool
    """Whether it limits the horizontal metric, not the vertical one."""
    kind: Literal["hard", "soft", "reference"]


def frame_around(feasible: Sequence[Place], infeasible: Sequence[Place], limits: Iterable[Limit]) -> Frame:
    """Return a frame that holds all feasible points, and of the others those nearby."""
    lines = [(limit.is_upright, limit.value) for limit in limits]
    x, y = (
        _range(
            [place[way] for place in feasible],
            [*(place[way] for place in infeasible), *(value for upright, value in lines if upright == (way == 0))],
        )
        for way in (0, 1)
    )
    return Frame(x, y)


def scatter_figure(
    frame: Frame,
    *,
    front: Sequence[Point],
    dominated: Iterable[Place],
    infeasible: Iterable[Place],
    limits: Iterable[Limit],
    minimize: tuple[bool, bool] | None,
    x_label: str,
    y_label: str,
    description: str,
    behind: Sequence[Iterable[Place]] = (),
) -> Markup:
    """Return the drawing; ``front`` begins with the best vertical value, ``minimize`` gives the better direction of x
    and y, None for no steps; ``behind`` are the fronts behind it, the nearest first.
    """
    content = Markup('<path class="dominated" d="{}"/>').format(_dots(frame, dominated))
    for rank, places in reversed([*enumerate(behind)]):
        nearness = 100 - 100 * rank / len(behind)
        content += Markup('<path class="behind" style="--merit: {:.0f}%" d="{}"/>').format(
            nearness, _dots(frame, places)
        )
    content += Markup('<path class="infeasible" d="{}"/>').format(_crosses(frame, infeasible))
    content += Markup().join(_line(frame, limit) for limit in limits)
    if front and minimize is not None:
        content += Markup('<polyline class="steps" points="{}"/>').format(
            " ".join(frame.point(*corner) for corner in corners(frame, [point.at for point in front], minimize))
        )
    content += Markup().join(_spread(frame, point) for point in front)
    for point in front:
        across, up = frame.point(*point.at).split(",")
        ring = Markup('<circle class="ring" cx="{}" cy="{}" r="8"/>').format(across, up) if point.is_ringed else ""
        content += ring + Markup('<circle class="front" cx="{}" cy="{}" r="4"><title>{}</title></circle>').format(
            across, up, point.title
        )
    return frame.draw(content, x_label=x_label, y_label=y_label, description=description)


def _range(feasible: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    core = feasible or others or [0.0, 1.0]
    low, high = min(core), max(core)
    extent = representable(high - low) or abs(high) or 1.0
    near = [value for value in others if low - REACH * extent <= value <= high + REACH * extent]
    low, high = min([low, *near]), max([high, *near])
    air = 0.06 * (representable(high - low) or extent)
    return representable(low - air), representable(high + air)


def _dots(frame: Frame, places: Iterable[Place]) -> str:
    # A zero-length line with round ends: a tenth of the size of a circle in the file.
    return "".join(f"M{frame.point(*place)}h0" for place in places)


def _crosses(frame: Frame, places: Iterable[Place]) -> str:
    return "".join(f"M{frame.point(*place)}m-3,-3l6,6m0,-6l-6,6" for place in places)


def _spread(frame: Frame, point: Point) -> Markup:
    """Return the bars of what was repeated, and a line to them from where it was first."""
    if point.spread is None:
        return Markup()
    (x, y), (wide, high) = point.spread.at, point.spread.deviations
    bars = [((x - wide, y), (x + wide, y)), ((x, y - high), (x, y + high))]
    drawn = "".join(f"M{frame.point(*start)}L{frame.point(*end)}" for start, end in bars)
    return Markup('<path class="moved" d="M{}L{}"/><path class="bars" d="{}"/>').format(
        frame.point(*point.at), frame.point(x, y), drawn
    )


def corners(frame: Frame, places: Sequence[Place], minimize: tuple[bool, bool]) -> list[Place]:
    """Return the border of what points dominate, from edge to edge of a frame: nothing feasible was found beyond it.
    The point with the best vertical value comes first.
    """
    worst = [bounds[1] if smaller else bounds[0] for bounds, smaller in zip((frame.x, frame.y), minimize, strict=True)]
    found: list[Place] = [(worst[0], places[0][1]), places[0]]
    for before, after in pairwise(places):
        found += [(before[0], after[1]), after]
    return [*found, (places[-1][0], worst[1])]


def _line(frame: Frame, limit: Limit) -> Markup:
    bounds = frame.x if limit.is_upright else frame.y
    if not bounds[0] <= limit.value <= bounds[1]:
        return Markup()
    ends = (
        [(limit.value, frame.y[0]), (limit.value, frame.y[1])]
        if limit.is_upright
        else [(frame.x[0], limit.value), (frame.x[1], limit.value)]
    )
    (x1, y1), (x2, y2) = (frame.point(*end).split(",") for end in ends)
    label = {"hard": "limit", "soft": "target"}.get(limit.kind, limit.kind)
    place = (x2, float(y2) + 12, 4, "start") if limit.is_upright else (x2, float(y2) - 5, -4, "end")
    return Markup(
        '<line class="limit {}" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        '<text class="tick halo" x="{}" y="{:.1f}" dx="{}" text-anchor="{}">{} {:g}</text>'
    ).format(limit.kind, x1, y1, x2, y2, *place, label, limit.value)
