"""Lines over trials, with a band if a line represents several runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evonas.report.figures.frame import Frame

COLOURS = 8
"""How many colours the page's style has; further lines repeat them."""


@dataclass(frozen=True)
class Line:
    """One line: a value for each step from ``first`` on."""

    label: str
    values: Sequence[float]
    deviations: Sequence[float] = ()
    """Half the height of the band at each step; empty for no band."""
    first: int = 1


def line_figure(lines: Sequence[Line], *, x_label: str, y_label: str, description: str) -> Markup:
    """Return the lines in one drawing; ``x_label`` says what is counted."""
    bounds = [
        value + sign * deviation
        for line in lines
        for value, deviation in zip(line.values, line.deviations or [0.0] * len(line.values), strict=True)
        for sign in (-1, 1)
    ]
    last = max((line.first + len(line.values) - 1 for line in lines), default=1)
    frame = Frame.around((min((line.first for line in lines), default=1), last), bounds, x_counts=True)
    content = Markup()
    for number, line in enumerate(lines):
        steps = range(line.first, line.first + len(line.values))
        if line.deviations:
            above = [value + deviation for value, deviation in zip(line.values, line.deviations, strict=True)]
            below = [value - deviation for value, deviation in zip(line.values, line.deviations, strict=True)]
            outline = f"{frame.path(steps, above)} {frame.path([*reversed(steps)], [*reversed(below)])}"
            content += Markup('<polygon class="band series-{}" points="{}"/>').format(number % COLOURS, outline)
        content += Markup('<polyline class="line series-{}" points="{}"><title>{}</title></polyline>').format(
            number % COLOURS, frame.path(steps, line.values), line.label
        )
    return frame.draw(content, x_label=x_label, y_label=y_label, description=description)
