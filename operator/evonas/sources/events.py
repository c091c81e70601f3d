"""Kubernetes' events about a search, its trials, and their Jobs and pods. Values only; ``cluster`` reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evonas.search.codec import SearchIdentity, from_time


@dataclass(frozen=True)
class SeenEvent:
    """One event."""

    time: datetime | None
    """When it happened last."""
    type: str
    reason: str
    message: str
    about: str
    """Kind and name of the object."""
    count: int


def events_about(identity: SearchIdentity, bodies: Iterable[Mapping[str, Any]]) -> list[SeenEvent]:
    """Return those of a namespace's events that are about a search, the latest first.

    What belongs to it is told by its name: trials, Jobs and pods begin with that which its UID gives them.
    """
    beginning = identity.trial_name(0).rpartition("-")[0] + "-"
    found = []
    for body in bodies:
        about = body.get("involvedObject", {})
        is_search = about.get("kind") == "ArchitectureSearch" and about.get("name") == identity.name
        if is_search and about.get("uid", identity.uid) != identity.uid:
            continue
        if is_search or str(about.get("name", "")).startswith(beginning):
            found.append(_event(body, about))
    return sorted(found, key=lambda event: -(event.time.timestamp() if event.time is not None else 0.0))


def _event(body: Mapping[str, Any], about: Mapping[str, Any]) -> SeenEvent:
    series = body.get("series") or {}
    moment = series.get("lastObservedTime") or body.get("lastTimestamp") or body.get("eventTime")
    return SeenEvent(
        time=from_time(moment or body["metadata"].get("creationTimestamp")),
        type=body.get("type", ""),
        reason=body.get("reason", ""),
        message=body.get("message", ""),
        about=f"{about.get('kind', '')} {about.get('name', '')}",
        count=series.get("count") or body.get("count") or 1,
    )
