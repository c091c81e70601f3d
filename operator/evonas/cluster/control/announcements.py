"""Which events a new status calls for: transitions only, so that an unchanged search posts none. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evonas.search.attempt import QueuedReason
from evonas.search.conditions import find_condition

_BLOCKAGES = frozenset(reason.value for reason in QueuedReason if reason.blocks)
_TRANSITIONS = (
    ("Complete", "SearchComplete"),
    ("Failed", "SearchFailed"),
    ("Accepted", "Accepted"),
    ("Placeholders", "Placeholders"),
)
_WARNINGS = ("Failed", "Placeholders")


@dataclass(frozen=True)
class Announcement:
    """An event to post about a search."""

    reason: str
    message: str
    warning: bool = False


def has_flipped(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Say whether any condition is new or has another status."""
    return _statuses(before) != _statuses(after)


def find_announcements(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Announcement]:
    """Return the events for the change from one status of a search that is at work to the next."""
    found = []
    progress, earlier = find_condition(after, "Progressing"), find_condition(before, "Progressing")
    known = None if earlier is None else earlier["reason"]
    if progress is not None and progress["reason"] != known and progress["reason"] in _BLOCKAGES:
        # The search has started to wait for something external.
        found.append(Announcement(progress["reason"], progress["message"], warning=True))
    if "reusedTrials" in after and "reusedTrials" not in before:
        said = "candidates already trained for another search in the namespace are not trained again"
        found.append(Announcement("ResultsReused", said))
    if "knowledge" in after and "knowledge" not in before:
        gathered = "digest" in after["knowledge"]
        reason = "KnowledgeGathered" if gathered else "KnowledgeUnused"
        found.append(Announcement(reason, after["knowledge"].get("message", ""), warning=not gathered))
    refused = _refusal(after)
    if refused is not None and refused != _refusal(before):
        found.append(Announcement(*refused, warning=True))
    for type, reason in _TRANSITIONS:
        condition = find_condition(after, type)
        if condition is None or condition["status"] != "True" or _statuses(before).get(type) == "True":
            continue
        said = f"{condition['reason']}: {condition['message']}"
        found.append(Announcement(reason, said, warning=type in _WARNINGS))
    return found


def _refusal(status: Mapping[str, Any]) -> tuple[str, str] | None:
    accepted = find_condition(status, "Accepted")
    return (accepted["reason"], accepted["message"]) if accepted is not None and accepted["status"] == "False" else None


def _statuses(status: Mapping[str, Any]) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in status.get("conditions", ())}
