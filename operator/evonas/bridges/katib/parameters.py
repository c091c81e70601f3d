"""Katib's parameters as decisions: every one gets finitely many values. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from evonas.bridges.katib.notes import Notes
from evonas.space import DEFAULT_STEPS, normalise

MAX_STEPS = 256
"""The most values a decision may have."""


def read_parameter(parameter: Mapping[str, Any], path: str, notes: Notes) -> dict[str, Any]:
    """Return the decision; features without a counterpart are noted."""
    name, kind = parameter.get("name"), parameter.get("parameterType")
    space = parameter.get("feasibleSpace") or {}
    decision: dict[str, Any] = {"name": _decision_name(str(name), path, notes)}
    if kind == "categorical":
        decision["values"] = [str(value) for value in space.get("list") or ()]
    elif kind == "discrete":
        numbers = [_number(value) for value in space.get("list") or ()]
        if None in numbers:
            notes.refuse(f"{path}.feasibleSpace.list", f"must hold numbers, got {space.get('list')!r}")
        decision["values"] = numbers
    elif kind in ("double", "int"):
        decision.update(_range(space, f"{path}.feasibleSpace", notes, whole=kind == "int"))
    else:
        notes.refuse(f"{path}.parameterType", f"{kind!r} has no counterpart; use double, int, discrete or categorical")
    return decision


def _decision_name(name: str, path: str, notes: Notes) -> str:
    usual = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if usual != name:
        notes.differ(f"{path}.name", f"{name} becomes {usual}: letters, digits and underscores only")
    return usual


def _range(space: Mapping[str, Any], path: str, notes: Notes, *, whole: bool) -> dict[str, Any]:
    low, high, step = (_number(space.get(key)) for key in ("min", "max", "step"))
    if low is None or high is None:
        notes.refuse(path, "must have min and max, both numbers")
        return {}
    if low > high:
        notes.refuse(path, f"min must be no more than max ({low} > {high})")
        return {}
    if low == high:
        return {"values": [low]}
    distribution = space.get("distribution") or "uniform"
    log = distribution == "logUniform"
    if distribution not in ("uniform", "logUniform"):
        notes.differ(f"{path}.distribution", f"{distribution} has no counterpart and is replaced by uniform")
    if step and log:
        notes.differ(f"{path}.step", "has no counterpart on a log scale: the values are spread evenly on it")
        step = None
    if step:
        count = int((high - low) / step + 1e-9) + 1
        if count > MAX_STEPS:
            notes.differ(f"{path}.step", f"{count} values are reduced to {MAX_STEPS}, spread evenly")
        elif low + (count - 1) * step < high - 1e-9 * abs(high):
            # The last step ends before max, as Katib has it.
            return {"values": [normalise(round(low + place * step, 12)) for place in range(count)]}
    elif whole and not log:
        count = int(high - low) + 1
        if count > MAX_STEPS:
            notes.differ(path, f"{count} values are reduced to {MAX_STEPS}, spread evenly")
    else:
        count = min(DEFAULT_STEPS, int(high - low) + 1) if whole else DEFAULT_STEPS
        had = "has all whole numbers between" if whole else "is continuous"
        notes.differ(path, f"{had} and is replaced by {count} values; raise steps for more")
    bounds: dict[str, Any] = {"min": low, "max": high, "steps": max(2, min(count, MAX_STEPS))}
    return {"range": bounds | ({"scale": "log"} if log else {}) | ({"integer": True} if whole else {})}


def _number(value: Any) -> float | int | None:
    try:
        number: float | int = normalise(float(value))
    except (TypeError, ValueError):
        return None
    return number
