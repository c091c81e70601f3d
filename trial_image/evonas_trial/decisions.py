"""Decisions of the shipped programs: their allowed values, and how searched and fixed ones become a candidate. Pure,
and without torch, so that an invalid manifest is refused at once. Each program lists its own decisions; its
command-line options and ``--help`` are built from the same list.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


@dataclass(frozen=True)
class Decision:
    """Something that a search may decide, or the command line may fix."""

    name: str
    default: Any
    meaning: str
    wanted: str
    accepts: Callable[[Any], bool]

    @property
    def option(self) -> str:
        """The command line's option."""
        return "--" + self.name.replace("_", "-")


def whole(name: str, default: int | None, meaning: str, low: int = 1) -> Decision:
    """Return a decision that is a whole number."""
    return Decision(name, default, meaning, f"a whole number not below {low}", lambda v: _is_whole(v) and v >= low)


def odd(name: str, default: int | None, meaning: str) -> Decision:
    """Return a decision that is an odd number: only an odd kernel can be padded equally on both sides."""
    return Decision(name, default, meaning, "an odd whole number", lambda v: _is_whole(v) and v >= 1 and v % 2 == 1)


def number(name: str, default: float, meaning: str, wanted: str, accepts: Callable[[float], bool]) -> Decision:
    """Return a decision that is a finite number in a given range."""
    return Decision(
        name,
        default,
        meaning,
        wanted,
        lambda v: isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) and accepts(v),
    )


def one_of(name: str, default: Any, meaning: str, values: Sequence[str | int]) -> Decision:
    """Return a decision with a few values; types matter, because in Python ``True`` equals 1."""
    allowed = {(type(value), value) for value in values}
    wanted = f"one of {', '.join(map(str, values))}"
    return Decision(name, default, meaning, wanted, lambda v: not isinstance(v, list) and (type(v), v) in allowed)


def boolean(name: str, default: bool, meaning: str) -> Decision:
    """Return a decision that is true or false."""
    return Decision(name, default, meaning, "true or false", lambda v: isinstance(v, bool))


def join(known: Mapping[str, Decision], searched: Mapping[str, Any], fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Return every known decision's value: searched, or fixed, or the default.

    Raises ValueError for an unknown name, for one both searched and fixed, and for a value that does not fit.
    """
    for name in searched:
        if name not in known:
            raise ValueError(f"unknown decision {name!r}; known are {', '.join(known)}{did_you_mean(name, known)}")
        if name in fixed:
            raise ValueError(f"{name!r} is a decision of the search: leave out the option {known[name].option}")
    values = {**fixed, **searched}
    for name, value in values.items():
        if not known[name].accepts(value):
            raise ValueError(f"{name!r} must be {known[name].wanted}, got {json.dumps(value)}")
    return {name: values.get(name, decision.default) for name, decision in known.items()}


def fix_epochs(
    searched: Mapping[str, Any], fixed: Mapping[str, Any], rungs: Sequence[int], *, exactly: bool
) -> dict[str, Any]:
    """Return what is fixed, with the epochs up to the search's last rung unless they are decided.

    Raises ValueError if they are too few: nothing would be reported at that rung; or, if they must be ``exactly`` as
    many, because trials pause at rungs only, for other ones.
    """
    decided = {**fixed, **searched}
    if not rungs or "epochs" not in decided:
        return {**fixed, **({"epochs": rungs[-1]} if rungs else {})}
    epochs, last = decided["epochs"], rungs[-1]
    if _is_whole(epochs) and (epochs < last or (exactly and epochs > last)):
        raise ValueError(
            f"'epochs' is {epochs}, but the last of the search's rungs (EVONAS_RUNGS) is {last}: "
            f"leave 'epochs' out, or let spec.fidelity.rungs end at {epochs}"
        )
    return dict(fixed)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the most similar known name, as the end of a message; empty if none is similar."""
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def parse_option(text: str) -> Any:
    """Return an option's value as a manifest's decision would have it: a number or boolean if it parses as one."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
