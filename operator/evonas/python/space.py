"""A search space in Python's words, to and from the manifest's ``searchSpace``. Pure; ``evonas.space`` judges it."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evonas.errors import EvonasError
from evonas.space import Value

When = Mapping[str, Value | Sequence[Value]]
"""One earlier decision, and its value or values under which another exists."""


@dataclass(frozen=True)
class Choice:
    """A decision among listed values; made by ``choice``."""

    values: tuple[Value, ...]
    when: When | None = None


@dataclass(frozen=True)
class Range:
    """A decision among values of a range; made by ``integers`` or ``floats``."""

    min: float
    max: float
    is_integer: bool
    log: bool = False
    steps: int | None = None
    when: When | None = None


Values = Choice | Range | Sequence[Value]
"""What may stand for a decision; a list or tuple is a choice among its items."""

Space = Mapping[str, Values]
"""Decisions by name, each a list of values, or made by ``choice``, ``integers`` or ``floats``. Annotate a variable that
holds a space with it: ``space: evonas.Space = {...}``."""


def choice(*values: Value, when: When | None = None) -> Choice:
    """Return a decision among ``values``: text, numbers or booleans.

    With ``when={"blocks": [3]}``, only candidates whose ``blocks`` is 3 have this decision.
    """
    return Choice(tuple(map(plain, values)), when)


def integers(min: int, max: int, *, log: bool = False, steps: int | None = None, when: When | None = None) -> Range:
    """Return a decision among whole numbers from ``min`` to ``max``, both included.

    ``steps`` is how many values there are, evenly spaced (by factor with ``log``): 10, or all if there are fewer. When
    several round to the same number, it counts once. ``when`` as for ``choice``.
    """
    return Range(plain(min), plain(max), True, log, steps, when)


def floats(min: float, max: float, *, log: bool = False, steps: int | None = None, when: When | None = None) -> Range:
    """Return a decision among numbers from ``min`` to ``max``, both included: ``steps`` of them (10), evenly spaced, by
    factor with ``log``. ``when`` as for ``choice``.
    """
    return Range(plain(min), plain(max), False, log, steps, when)


def plain(value: Any) -> Any:
    """Return a NumPy number as Python's own; anything else unchanged."""
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else value


def to_manifest(space: Space) -> list[dict[str, Any]]:
    """Return ``spec.searchSpace``. EvonasError for what is no decision at all; the rest is for the parser to judge."""
    if not isinstance(space, Mapping):
        raise EvonasError(f"space: must be a mapping from names to values, got {type(space).__name__}")
    return [{"name": name, **_decision(name, values)} for name, values in space.items()]


def from_manifest(decisions: Iterable[Mapping[str, Any]]) -> dict[str, Values]:
    """Return the space that ``to_manifest`` turns into these decisions."""
    return {decision["name"]: _declared(decision) for decision in decisions}


def _decision(name: str, values: Values) -> dict[str, Any]:
    if isinstance(values, Range):
        steps = {} if values.steps is None else {"steps": values.steps}
        scale = {"scale": "log"} if values.log else {}
        integer = {"integer": True} if values.is_integer else {}
        return {"range": {"min": values.min, "max": values.max, **scale, **steps, **integer}, **_when(name, values)}
    if isinstance(values, Choice):
        return {"values": list(values.values), **_when(name, values)}
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise EvonasError(
            f"space[{name!r}]: must be a list of values, or made by choice, integers or floats; got {values!r}"
        )
    return {"values": list(map(plain, values))}


def _when(name: str, values: Choice | Range) -> dict[str, Any]:
    if values.when is None:
        return {}
    if not isinstance(values.when, Mapping) or len(values.when) != 1:
        raise EvonasError(
            f'space[{name!r}].when: must name one earlier decision, as in {{"blocks": [3]}}; got {values.when!r}'
        )
    [(other, wanted)] = values.when.items()
    listed = wanted if isinstance(wanted, Sequence) and not isinstance(wanted, str) else [wanted]
    return {"when": {"name": other, "values": list(map(plain, listed))}}


def _declared(decision: Mapping[str, Any]) -> Values:
    when = None if "when" not in decision else {decision["when"]["name"]: decision["when"]["values"]}
    if "range" in decision:
        of = decision["range"]
        is_integer, is_log = of.get("integer", False), of.get("scale") == "log"
        return Range(of["min"], of["max"], is_integer, is_log, of.get("steps"), when)
    return Choice(tuple(decision["values"]), when)
