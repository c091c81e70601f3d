"""What a refusal means: for the whole search, or for what it is about to create. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evonas.cluster.control.executor import ForeignObject
from evonas.recorded.knowledge_record import UnusableKnowledge
from evonas.recorded.warm_start import UnusableSource
from evonas.search.attempt import QueuedReason
from evonas.search.status import Blockage

MENDED_INTERVAL = 10.0
"""Seconds between two checks of a search that waits for something we do not watch: a foreign object's removal, another
search's end."""

_QUOTA = "exceeded quota"


@dataclass(frozen=True)
class Refusal:
    """Why a search cannot run."""

    reason: str
    message: str
    stalled: bool = True
    """False if it may be resolved without a change to the search."""
    look_again: float | None = MENDED_INTERVAL
    """Seconds until a recheck is worthwhile without an event; None if only a change to the search, which is an event,
    can help."""


def is_full_quota(message: str) -> bool:
    """Say whether the object was refused only because the quota is exhausted, which is temporary."""
    return _QUOTA in message


def judge_refusal(message: str) -> Blockage:
    """Return what a refusal by the API server means for the search."""
    reason = QueuedReason.QUOTA_EXCEEDED if is_full_quota(message) else QueuedReason.ADMISSION_DENIED
    return Blockage(reason, message)


def judge_errors(errors: Sequence[Exception]) -> Refusal:
    """Return why a pass with these errors cannot continue: EvonasError and ForeignObject, one or more.

    The records do not fit the search, a name is taken, or what it should import or learn from does not exist.
    """
    message = "; ".join(dict.fromkeys(map(str, errors)))
    if all(isinstance(error, UnusableSource) for error in errors):
        return Refusal("WarmStartUnusable", message, stalled=False)
    if all(isinstance(error, UnusableKnowledge) for error in errors):
        return Refusal("KnowledgeUnusable", message, stalled=False)
    foreign = any(isinstance(error, ForeignObject) for error in errors)
    return Refusal("ForeignObject" if foreign else "InvalidRecords", message)
