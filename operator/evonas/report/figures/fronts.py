"""The fronts of several searches in two objectives, each as the border of what it dominates."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from evonas.report.figures.lines import COLOURS
from evonas.report.figures.scatter import Place, corners, frame_around

Front = tuple[int, str, Sequence[Place]]
"""A number, which is that of its colour; a name; and its points, the best vertical value first."""


def fronts_figure(
    fronts: Sequence[Front], *, minimize: tuple[bool, bool], x_label: str, y_label: str, description: str
) -> Markup:
    """Return the drawing; ``minimize`` gives the better direction of x and y."""
    frame = frame_around([place for _, _, places in fronts for place in places], (), ())
    content = Markup()
    for number, name, places in fronts:
        if not places:
            continue
        content += Markup(
            '<g class="series-{}"><polyline class="line" points="{}"><title>{}</title></polyline>'
        ).format(number % COLOURS, " ".join(frame.point(*corner) for corner in corners(frame, places, minimize)), name)
        dots = "".join(f"M{frame.point(*place)}h0" for place in places)
        content += Markup('<path class="dots" d="{}"/></g>').format(dots)
    return frame.draw(content, x_label=x_label, y_label=y_label, description=description)
