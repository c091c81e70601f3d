"""Learning curves: a line for each trial over the steps of its training, with the rungs as ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from markupsafe import Markup

from evonas.report.figures.frame import Frame

LEAST_GROWTH = 1.5
"""Rungs of which each is at least so many times the one before are spread on a logarithmic axis."""
STRAY = 3.0
"""How many interquartile ranges below the lower quartile at its step a value is drawn at most."""

Point = tuple[int, float]
"""A step and a value."""


@dataclass(frozen=True)
class Curve:
    """One trial."""

    points: Sequence[Point]
    kind: Literal["full", "cut", "other"]
    title: str
    merit: float = 0.0
    """Of those trained to the end: 0 for the worst, 1 for the best."""
    is_ringed: bool = False


def curve_figure(
    curves: Sequence[Curve], rungs: Sequence[int], *, minimize: bool, y_label: str, description: str
) -> Markup:
    """Return the drawing; later curves lie on top. ``rungs`` are all steps at which there are values, ascending."""
    log = all(later >= LEAST_GROWTH * earlier for earlier, later in pairwise(rungs))
    floors = _floors([point for curve in curves for point in curve.points], minimize=minimize)

    def place(point: Point) -> tuple[float, float]:
        step, value = point
        return _across(step, log=log), (min if minimize else max)(value, floors[step])

    drawn = [[place(point) for point in curve.points] for curve in curves]
    ticks = tuple((_across(step, log=log), str(step)) for step in rungs)
    frame = Frame.around((ticks[0][0], ticks[-1][0]), [value for line in drawn for _, value in line], x_ticks=ticks)
    content, ends = Markup(), dict[str, str]()
    for curve, line in zip(curves, drawn, strict=True):
        content += Markup(
            '<polyline class="curve {}" style="--merit: {:.0f}%" points="{}"><title>{}</title></polyline>'
        ).format(curve.kind, 100 * curve.merit, " ".join(frame.point(*at) for at in line), curve.title)
        if curve.kind == "cut" or len(line) == 1:
            ends[curve.kind] = f"{ends.get(curve.kind, '')}M{frame.point(*line[-1])}h0"
        if curve.is_ringed:
            across, up = frame.point(*line[-1]).split(",")
            content += Markup('<circle class="ring" cx="{}" cy="{}" r="6"/>').format(across, up)
    dots = Markup().join(Markup('<path class="ends {}" d="{}"/>').format(*item) for item in ends.items())
    return frame.draw(
        dots + content,
        x_label="step of the training (logarithmic)" if log else "step of the training",
        y_label=y_label,
        description=description,
    )


def _across(step: int, *, log: bool) -> float:
    return math.log(step) if log else float(step)


def _floors(points: Iterable[Point], *, minimize: bool) -> dict[int, float]:
    """Return the worst value that is drawn at each step: a diverging candidate must not squeeze all others."""
    merits: dict[int, list[float]] = {}
    for step, value in points:
        merits.setdefault(step, []).append(-value if minimize else value)
    floors = {}
    for step, found in merits.items():
        found.sort()
        lower, upper = found[len(found) // 4], found[3 * len(found) // 4]
        floor = max(found[0], lower - STRAY * (upper - lower))
        floors[step] = -floor if minimize else floor
    return floors
