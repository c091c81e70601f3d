"""Colours and names of a decision's values: one colour each, or a scale from low to high if they are ordered."""

from __future__ import annotations

from dataclasses import dataclass

from evonas.report.figures.lines import COLOURS
from evonas.search.trial_environment import to_text
from evonas.space import Decision, Value, is_number

DIGITS = 4


@dataclass(frozen=True)
class Swatch:
    """How one value is shown."""

    label: str
    css_class: str
    style: str = ""


def swatches(decision: Decision, *, has_absent: bool) -> list[Swatch]:
    """Return one for each value of a decision, and one more for candidates that lack it."""
    labels = [*map(short_text, decision.values)]
    ordered = len(labels) > 2 and all(map(is_number, decision.values))
    found = [
        Swatch(label, "ordered", f"--merit: {100 * place / (len(labels) - 1):.0f}%")
        if ordered
        else Swatch(label, f"series-{place % COLOURS}")
        for place, label in enumerate(labels)
    ]
    return [*found, *([Swatch("absent", "none")] if has_absent else [])]


def short_text(value: Value) -> str:
    """Return a value with few digits, for display."""
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else to_text(value)
