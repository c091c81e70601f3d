"""What a refusal means: for the search as a whole, or for what it wants to create just now. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evonas.cluster.executor import ForeignObject
from evonas.search.attempt import QueuedReason
from evonas.search.status import Blockage
from evonas.search.warmstart import UnusableSource

MENDED_INTERVAL = 10.0
"""Seconds between two looks at a search that waits for people to mend what we do not watch: a foreign object's removal,
another search's end."""

_QUOTA = "exceeded quota"


@dataclass(frozen=True)
class Refusal:
    """Why a search cannot run."""

    reason: str
    message: str
    stalled: bool = True
    """False where it may pass without anybody changing the search."""
    look_again: float | None = MENDED_INTERVAL
    """Seconds until another look is worth while though no event tells of a change; None where only the search's own
    change can help, which is an event."""


def is_full_quota(message: str) -> bool:
    """Say whether the API server would have taken the object, had there been room: a matter of time."""
    return _QUOTA in message


def judge_refusal(message: str) -> Blockage:
    """Return what a refusal by the API server means for those who wait."""
    reason = QueuedReason.QUOTA_EXCEEDED if is_full_quota(message) else QueuedReason.ADMISSION_DENIED
    return Blockage(reason, message)


def judge_errors(errors: Sequence[Exception]) -> Refusal:
    """Return why a pass cannot go on that met these errors: EvonasError and ForeignObject, one or more.

    The records do not fit the search, a name is taken, or what it should take over is not there.
    """
    message = "; ".join(dict.fromkeys(map(str, errors)))
    if all(isinstance(error, UnusableSource) for error in errors):
        return Refusal("WarmStartUnusable", message, stalled=False)
    foreign = any(isinstance(error, ForeignObject) for error in errors)
    return Refusal("ForeignObject" if foreign else "InvalidRecords", message)
