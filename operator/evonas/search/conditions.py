"""Conditions as in Kubernetes' API conventions; transition times change only with the status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evonas.search.codec import to_time

MAX_MESSAGE = 1024


@dataclass(frozen=True)
class Condition:
    """One condition, without the time of its last transition."""

    type: str
    status: bool
    reason: str
    message: str = ""


def to_conditions(
    conditions: Iterable[Condition], before: Iterable[Mapping[str, Any]], generation: int, now: datetime
) -> list[dict[str, Any]]:
    """Return API conditions, each with the transition time from ``before`` if its status is unchanged."""
    known = {condition["type"]: condition for condition in before}
    bodies = []
    for condition in conditions:
        status = str(condition.status)
        earlier = known.get(condition.type, {})
        same = earlier.get("status") == status
        bodies.append(
            {
                "type": condition.type,
                "status": status,
                "reason": condition.reason,
                "message": condition.message[:MAX_MESSAGE],
                "observedGeneration": generation,
                "lastTransitionTime": earlier["lastTransitionTime"] if same else to_time(now),
            }
        )
    return bodies


def find_condition(status: Mapping[str, Any], type: str) -> Mapping[str, Any] | None:
    """Return one condition of an object's status."""
    return next((condition for condition in status.get("conditions", ()) if condition["type"] == type), None)
