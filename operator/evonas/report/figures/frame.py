"""The axes that the figures share: mapping of values to positions, ticks, labels."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 12, 44
MAX_INTERVALS = 6
LABEL_GAP = 24
"""Labels below that are closer than that are left out."""
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
LEAST_STEP = 1e-306
"""Closer than that, floats have no digits left to be told apart by."""
DIGITS = range(6, 18)
"""Significant digits of labels: as many of them as it takes to tell these apart."""


@dataclass(frozen=True)
class Frame:
    """A rectangle of values and its position in a drawing of WIDTH times HEIGHT."""

    x: tuple[float, float]
    y: tuple[float, float]
    x_ticks: tuple[tuple[float, str], ...] = ()
    """Positions and their labels; round numbers if there are none."""
    x_counts: bool = False
    """Whether x counts something: there are no ticks between whole numbers."""

    @classmethod
    def around(
        cls,
        x: tuple[float, float],
        values: Iterable[float],
        *,
        x_ticks: tuple[tuple[float, str], ...] = (),
        x_counts: bool = False,
    ) -> Frame:
        """Return a frame whose height holds all ``values`` with a small margin."""
        known = list(values) or [0.0, 1.0]
        low, high = min(known), max(known)
        air = 0.1 * half_between(low, high) or 0.05 * abs(high) or 1.0
        y = representable(low - air), representable(high + air)
        return cls(x if x[0] < x[1] else (x[0] - 0.5, x[1] + 0.5), y, x_ticks, x_counts)

    def point(self, x: float, y: float) -> str:
        """Return a position in SVG notation."""
        across = half_between(self.x[0], representable(x)) / half_between(*self.x)
        up = half_between(self.y[0], representable(y)) / half_between(*self.y)
        return f"{LEFT + across * (WIDTH - LEFT - RIGHT):.1f},{HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM):.1f}"

    def holds(self, place: tuple[float, float]) -> bool:
        """Return whether a point lies inside."""
        return self.x[0] <= place[0] <= self.x[1] and self.y[0] <= place[1] <= self.y[1]

    def path(self, xs: Sequence[float], ys: Sequence[float]) -> str:
        """Return the points of a line."""
        return " ".join(map(self.point, xs, ys))

    def draw(self, content: Markup, *, x_label: str, y_label: str, description: str) -> Markup:
        """Return the drawing: ticks and labels around ``content``; ``description`` is for those who cannot see it."""
        return Markup(
            '<svg viewBox="0 0 {width} {height}" role="img" aria-label="{description}">{grid}{content}'
            '<text class="label" x="{middle}" y="{below}" text-anchor="middle">{x_label}</text>'
            '<text class="label" transform="translate(14 {centre}) rotate(-90)" text-anchor="middle">{y_label}</text>'
            "</svg>"
        ).format(
            width=WIDTH,
            height=HEIGHT,
            description=description,
            grid=self._grid(),
            content=content,
            middle=(LEFT + WIDTH - RIGHT) // 2,
            below=HEIGHT - 6,
            centre=(TOP + HEIGHT - BOTTOM) // 2,
            x_label=x_label,
            y_label=y_label,
        )

    def _grid(self) -> Markup:
        grid = Markup()
        for value, label in labelled(ticks(*self.y)):
            start, end = self.point(self.x[0], value).split(","), self.point(self.x[1], value).split(",")
            grid += Markup(
                '<line class="grid" x1="{}" y1="{}" x2="{}" y2="{}"/>'
                '<text class="tick" x="{}" y="{}" dy="4" text-anchor="end">{}</text>'
            ).format(*start, *end, LEFT - 6, start[1], label)
        rightmost = math.inf
        for value, label in reversed(self.x_ticks or labelled(ticks(*self.x, whole=self.x_counts))):
            across = float(self.point(value, self.y[0]).split(",")[0])
            if self.x_ticks:
                grid += Markup('<line class="grid" x1="{0}" y1="{1}" x2="{0}" y2="{2}"/>').format(
                    across, TOP, HEIGHT - BOTTOM
                )
            if rightmost - across < LABEL_GAP:
                continue
            rightmost = across
            grid += Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>').format(
                across, HEIGHT - BOTTOM + 16, label
            )
        return grid


def half_between(low: float, high: float) -> float:
    """Return half of what lies between two numbers: the whole may be more than a float holds."""
    return high / 2 - low / 2


def representable(value: float) -> float:
    """Return the largest float for what is more than one holds."""
    return min(max(value, -sys.float_info.max), sys.float_info.max)


def ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return round numbers, or ``whole`` ones, from ``low`` to ``high`` as matplotlib would choose them; importing it
    takes long.
    """
    least = max(half_between(low, high) / (MAX_INTERVALS / 2), LEAST_STEP)
    if whole:
        least = max(least, 1.0)
    exponent = math.floor(math.log10(least))
    steps = (step * 10.0**exponent for step in STEPS)
    step = next(step for step in steps if step >= least and not (whole and step % 1))
    digits = max(12, 2 - exponent)
    places = range(math.ceil(low / step), math.floor(high / step) + 1)
    # Far from 0, steps may be smaller than what lies between two floats.
    return list(dict.fromkeys(round(place * step, digits) for place in places))


def labelled(values: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """Return numbers with labels of a few digits that no two of them share."""
    for digits in DIGITS:
        labels = [f"{value:.{digits}g}" for value in values]
        if len({*labels}) == len(labels):
            break
    return tuple(zip(values, labels, strict=True))
