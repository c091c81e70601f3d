"""What grew, over what was spent: a line of steps for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evonas.report.figures.frame import Frame
from evonas.report.figures.lines import COLOURS


@dataclass(frozen=True)
class Growth:
    """A line that keeps each value until the next one."""

    label: str
    places: Sequence[float]
    """Ascending."""
    values: Sequence[float]
    end: float
    """How far the last value reaches."""


def growth_figure(lines: Sequence[Growth], *, x_label: str, y_label: str, description: str) -> Markup:
    """Return the lines in one drawing; they begin at the corner."""
    end = max((line.end for line in lines), default=0.0)
    frame = Frame.around((0.0, end or 1.0), [0.0, *(value for line in lines for value in line.values)])
    content = Markup()
    for number, line in enumerate(lines):
        xs, ys = [0.0], [0.0]
        for place, value in zip(line.places, line.values, strict=True):
            xs += [place, place]
            ys += [ys[-1], value]
        content += Markup('<polyline class="line series-{}" points="{}"><title>{}</title></polyline>').format(
            number % COLOURS, frame.path([*xs, line.end], [*ys, ys[-1]]), line.label
        )
    return frame.draw(content, x_label=x_label, y_label=y_label, description=description)
