"""The values a decision takes over time: stacked areas that together fill the height."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from evonas.report.figures.frame import Frame
from evonas.report.figures.swatches import Swatch


def share_figure(
    swatches: Sequence[Swatch],
    shares: Sequence[Sequence[float]],
    steps: Sequence[int],
    *,
    y_label: str,
    description: str,
) -> Markup:
    """Return the areas; ``shares`` has, for each of ``steps``, the share of each of the ``swatches``."""
    frame = Frame((steps[0], max(steps[-1], steps[0] + 1)), (0.0, 1.0), x_counts=True)
    floor = [0.0] * len(steps)
    content = Markup()
    for number, swatch in enumerate(swatches):
        ceiling = [low + row[number] for low, row in zip(floor, shares, strict=True)]
        outline = f"{frame.path(steps, ceiling)} {frame.path([*reversed(steps)], [*reversed(floor)])}"
        content += Markup('<polygon class="area {}" style="{}" points="{}"><title>{}</title></polygon>').format(
            swatch.css_class, swatch.style, outline, swatch.label
        )
        floor = ceiling
    return frame.draw(content, x_label="results", y_label=y_label, description=description)
