"""The rules of ``spec.fidelity``: whether a trial goes on at a rung, or is stopped. Pure; ``plan`` asks, once a rung.

A rule sees the results that were recorded at the rung before, whatever became of those trials later, so the same record
gives the same decision (docs/architecture.md, invariant 2).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from evonas.fidelity import Fidelity, Rule


@dataclass(frozen=True)
class Decision:
    """What a rule said of a trial at a rung."""

    stops: bool
    because: str
    """In words: ``is 7th of 9, and the best 3 go on``."""


def decide(fidelity: Fidelity, earlier: Sequence[float], value: float) -> Decision:
    """Decide on a trial with the oriented ``value`` (larger is better, minus infinity: diverged) at a rung.

    ``earlier`` are the other trials' values there, ascending. Equal values are treated alike, to the trial's advantage.
    """
    count = len(earlier) + 1
    better = len(earlier) - bisect_right(earlier, value)
    if fidelity.rule is Rule.NONE or count < fidelity.factor:
        return Decision(stops=False, because=f"is {_ordinal(better + 1)} of {count}")
    if fidelity.rule is Rule.MEDIAN:
        # Golovin et al., Google Vizier (KDD 2017), section 3.2.2, with the values at the rung for running averages.
        median = _median([*earlier[: (at := bisect_left(earlier, value))], value, *earlier[at:]])
        return Decision(value < median, f"is {_ordinal(better + 1)} of {count}, and the better half goes on")
    # The stopping variant of asynchronous successive halving (Li et al., arXiv 1810.05934).
    places = count // fidelity.factor
    going_on = "only the best goes on" if places == 1 else f"the best {places} go on"
    return Decision(better >= places, f"is {_ordinal(better + 1)} of {count}, and {going_on}")


def needed(fidelity: Fidelity, earlier: Sequence[float]) -> float | None:
    """Return the least oriented value that would have gone on among the ``earlier`` ones; None if every value would."""
    places = _places(fidelity, len(earlier) + 1)
    return earlier[-places] if places <= len(earlier) else None


def _places(fidelity: Fidelity, count: int) -> int:
    """Return the last place of ``count`` at which a trial goes on."""
    if fidelity.rule is Rule.NONE or count < fidelity.factor:
        return count
    return count // 2 + 1 if fidelity.rule is Rule.MEDIAN else count // fidelity.factor


def _median(values: Sequence[float]) -> float:
    """Return the lower of the two middle values of an even number: who is level with it goes on."""
    return values[(len(values) - 1) // 2]


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    teen = 10 < number % 100 < 20
    return f"{number}{'th' if teen else endings.get(number % 10, 'th')}"


def oriented_or_worst(value: float | None, *, minimize: bool) -> float:
    """Return a rung's value as rules and agents compare it; minus infinity for a candidate that diverged."""
    if value is None:
        return -math.inf
    return -value if minimize else value
