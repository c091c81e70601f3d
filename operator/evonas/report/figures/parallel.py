"""Parallel coordinates: one axis per decision, one line per candidate, coloured by how good it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from evonas.report.figures.swatches import short_text
from evonas.space import Decision, Value, identity

WIDTH, LEAST_GAP, HEIGHT, TOP, BOTTOM = 1120, 92, 360, 34, 26
LEAST_SCALE = 0.75
"""Drawn any smaller, its labels could not be read: a narrow window scrolls it."""


def parallel_figure(
    decisions: Sequence[Decision],
    candidates: Sequence[Mapping[str, Value]],
    merits: Sequence[float] | None = None,
) -> Markup:
    """Return the drawing; ``candidates``, worst first, may lack some of the ``decisions``. How good they are, from 0 to
    1, is their place unless ``merits`` say it.
    """
    absent = {decision.name: any(decision.name not in candidate for candidate in candidates) for decision in decisions}
    places = [{identity(value): row for row, value in enumerate(decision.values)} for decision in decisions]
    rows = {decision.name: len(decision.values) + absent[decision.name] for decision in decisions}
    content = Markup()
    for rank, candidate in enumerate(candidates):
        points = " ".join(
            f"{_across(place, decisions)},{_up(_row(decision, candidate, places[place]), rows[decision.name]):.1f}"
            for place, decision in enumerate(decisions)
        )
        merit = rank / max(len(candidates) - 1, 1) if merits is None else merits[rank]
        content += Markup('<polyline class="candidate" style="--merit: {:.0f}%" points="{}"/>').format(
            100 * merit, points
        )
    for place, decision in enumerate(decisions):
        content += _axis(_across(place, decisions), decision, rows[decision.name], has_absent=absent[decision.name])
    return Markup(
        '<svg style="min-width: {}px" viewBox="0 0 {} {}" role="img" aria-label="candidates across decisions">{}</svg>'
    ).format(round(LEAST_SCALE * _width(decisions)), _width(decisions), HEIGHT, content)


def _axis(across: int, decision: Decision, rows: int, *, has_absent: bool) -> Markup:
    labels = [*map(short_text, decision.values), *(["absent"] if has_absent else [])]
    axis = Markup('<line class="axis" x1="{0}" y1="{1}" x2="{0}" y2="{2}"/>').format(across, TOP, HEIGHT - BOTTOM)
    axis += Markup('<text class="label" x="{}" y="18" text-anchor="middle">{}</text>').format(
        across, _cut(decision.name)
    )
    for row, label in enumerate(labels):
        axis += Markup('<text class="tick halo" x="{}" y="{:.1f}" dy="4">{}</text>').format(
            across + 5, _up(row, rows), _cut(label)
        )
    return axis


def _row(decision: Decision, candidate: Mapping[str, Value], places: Mapping[str, int]) -> int:
    return places[identity(candidate[decision.name])] if decision.name in candidate else len(decision.values)


def _across(place: int, decisions: Sequence[Decision]) -> int:
    return round(_width(decisions) * (place + 0.4) / len(decisions))


def _width(decisions: Sequence[Decision]) -> int:
    return max(WIDTH, LEAST_GAP * len(decisions))


def _up(row: int, rows: int) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (row / (rows - 1) if rows > 1 else 0.5)


def _cut(text: str) -> str:
    return text if len(text) <= 12 else f"{text[:11]}…"
