"""The rules of ``spec.fidelity``: whether a trial goes on at a rung. Pure; ``plan`` asks, once a rung in mode ``Stop``,
in mode ``Pause`` for as long as the trial is paused there.

A rule sees the results that were recorded at the rung before, whatever became of those trials later, so the same record
gives the same decision (docs/architecture.md, invariant 2).
"""

from __future__ import annotations

import math
from bisect import bisect_right
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
    # Others that have diverged, too, are no reason to go on.
    better = len(earlier) - (bisect_right(earlier, value) if value > -math.inf else 0)
    return decide_at(fidelity, better, len(earlier) + 1)


def decide_at(fidelity: Fidelity, better: int, count: int) -> Decision:
    """Decide on a trial at a rung of whose ``count`` results, its own among them, so many are ``better``."""
    places = places_of(fidelity, count)
    place = f"is {_ordinal(better + 1)} of {count}"
    return Decision(better >= places, place + (_going_on(places) if places < count else ""))


def decide_to_promote(fidelity: Fidelity, values: Sequence[float], value: float) -> Decision:
    """Decide on a trial that is paused at a rung with the oriented ``value``, one of the ``values`` there, ascending.

    As ``decide``, except that nobody goes on before ``factor`` trials have reached the rung.
    """
    better = len(values) - (bisect_right(values, value) if value > -math.inf else 1)
    return decide_to_promote_at(fidelity, better, len(values))


def decide_to_promote_at(fidelity: Fidelity, better: int, count: int) -> Decision:
    """Decide on a trial that is paused at a rung of whose ``count`` results so many are ``better``."""
    place = f"is {_ordinal(better + 1)} of {count}"
    if count < fidelity.factor:
        return Decision(stops=True, because=f"{place}, and none goes on before {fidelity.factor} are there")
    places = places_of(fidelity, count)
    return Decision(better >= places, place + _going_on(places))


def needed(fidelity: Fidelity, earlier: Sequence[float]) -> float | None:
    """Return the least oriented value that would have gone on among the ``earlier`` ones; None if all but a candidate
    that diverged would.
    """
    places = places_of(fidelity, len(earlier) + 1)
    return earlier[-places] if places <= len(earlier) and earlier[-places] > -math.inf else None


def needed_to_promote(fidelity: Fidelity, values: Sequence[float]) -> float | None:
    """Return the least oriented value among the ``values`` at a rung that goes on; None if none does."""
    if len(values) < fidelity.factor:
        return None
    going_on = values[max(len(values) - places_of(fidelity, len(values)), bisect_right(values, -math.inf)) :]
    return going_on[0] if going_on else None


def places_of(fidelity: Fidelity, count: int) -> int:
    """Return the last place of ``count`` at which a trial goes on."""
    if fidelity.rule is Rule.NONE or count < fidelity.factor:
        return count
    if fidelity.rule is Rule.MEDIAN:
        # Golovin et al., Google Vizier (KDD 2017), section 3.2.2, with the values at the rung for running averages: who
        # is level with the lower of two middle values goes on.
        return count // 2 + 1
    # The stopping variant of asynchronous successive halving (Li et al., arXiv 1810.05934).
    return count // fidelity.factor


def _going_on(places: int) -> str:
    return ", and only the best goes on" if places == 1 else f", and the best {places} go on"


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    teen = 10 < number % 100 < 20
    return f"{number}{'th' if teen else endings.get(number % 10, 'th')}"
