"""What takes the place of Katib's single objective, as a user asks for it: ``accuracy:max,latency:min``. Katib collects
additional metrics, and optimises none of them. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evonas.bridges.katib.notes import Notes
from evonas.errors import EvonasError
from evonas.hints import did_you_mean

_GOALS = {"min": "Minimize", "max": "Maximize"}
_LIST = "spec.objective.additionalMetricNames"
MOST = 4
"""How many objectives a search may have."""


def parse_objectives(text: str) -> list[tuple[str, str]]:
    """Return the metrics and their goals; EvonasError if the text does not say two to four of them."""
    found = []
    for part in text.split(","):
        metric, _, way = part.strip().rpartition(":")
        if not metric or way not in _GOALS:
            raise EvonasError(f"--objectives {text}: write METRIC:max or METRIC:min, got {part.strip()!r}")
        found.append((metric, _GOALS[way]))
    if len({metric for metric, _ in found}) < len(found):
        raise EvonasError(f"--objectives {text}: names a metric twice")
    if not 2 <= len(found) <= MOST:
        raise EvonasError(f"--objectives {text}: a search has two to {MOST} objectives in a list, got {len(found)}")
    return found


def read_objectives(objective: Mapping[str, Any], wanted: list[tuple[str, str]], notes: Notes) -> list[dict[str, Any]]:
    """Return ``spec.objectives``. What Katib does not collect, or optimises the other way, is refused."""
    own = objective.get("objectiveMetricName")
    known = [str(name) for name in (own, *(objective.get("additionalMetricNames") or ())) if name]
    converted = []
    for metric, goal in wanted:
        if metric not in known:
            hint = did_you_mean(metric, known)
            notes.refuse(_LIST, f"--objectives names {metric}, which is not among {', '.join(known) or 'them'}{hint}")
        found: dict[str, Any] = {"metric": metric, "goal": goal}
        if metric == own and objective.get("type") != goal.lower():
            notes.refuse("spec.objective.type", f"is {objective.get('type')}, but --objectives asks for {goal.lower()}")
        if metric == own and objective.get("goal") is not None:
            found["target"] = objective["goal"]
        converted.append(found)
    if own and own not in [metric for metric, _ in wanted]:
        notes.differ("spec.objective.objectiveMetricName", f"{own}, which Katib optimised, is no objective here")
    notes.differ("spec.objective", "Katib optimises one metric; here the result is the front of all objectives")
    return converted
