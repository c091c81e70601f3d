"""Reading an object's conditions: what Jobs, JobSets and TrainJobs have in common. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from evonas.workloads.interface import Standing


def true_conditions(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return an object's conditions that hold, by type."""
    return {item["type"]: item for item in _conditions(body) if item["status"] == "True"}


def standing_of(body: Mapping[str, Any], *, complete: str, failed: tuple[str, ...] = ("Failed",)) -> Standing:
    """Return where an object stands that says by conditions whether it is ``complete`` or ``failed``.

    Of several types that announce a failure, the first one ends it.
    """
    conditions = true_conditions(body)
    ending = next((conditions[name] for name in (*failed, complete) if name in conditions), {})
    spec = body["spec"]
    suspended = next((item for item in _conditions(body) if item["type"] == "Suspended"), {"status": "Unknown"})
    return Standing(
        complete=complete in conditions,
        failed=failed[0] in conditions,
        reason=ending.get("reason", ""),
        message=ending.get("message", ""),
        ended=to_time(ending.get("lastTransitionTime")),
        suspended=bool(spec.get("suspend")),
        resumed=to_time(suspended.get("lastTransitionTime")) if suspended["status"] == "False" else None,
        released="ttlSecondsAfterFinished" in spec,
    )


def job_standing(body: Mapping[str, Any]) -> Standing:
    """Return where a ``batch/v1`` Job stands.

    FailureTarget precedes Failed, which waits until all pods are gone; reason and message are the same.
    """
    return standing_of(body, complete="Complete", failed=("Failed", "FailureTarget"))


def to_time(text: str | None) -> datetime | None:
    """Read a time as the API server writes it."""
    return None if text is None else datetime.fromisoformat(text)


def _conditions(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return body.get("status", {}).get("conditions") or ()
