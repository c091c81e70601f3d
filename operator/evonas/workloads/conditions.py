"""Reading an object's conditions: what Jobs, JobSets and TrainJobs have in common. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from evonas.workloads.interface import Standing


def true_conditions(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return an object's conditions that hold, by type."""
    listed = body.get("status", {}).get("conditions") or ()
    return {item["type"]: item for item in listed if item["status"] == "True"}


def standing_of(body: Mapping[str, Any], *, complete: str, failed: tuple[str, ...] = ("Failed",)) -> Standing:
    """Return where an object stands that says by conditions whether it is ``complete`` or ``failed``.

    Of several types that announce a failure, the first one ends it.
    """
    conditions = true_conditions(body)
    ending = next((conditions[name] for name in (*failed, complete) if name in conditions), {})
    spec = body["spec"]
    return Standing(
        complete=complete in conditions,
        failed=failed[0] in conditions,
        reason=ending.get("reason", ""),
        message=ending.get("message", ""),
        ended=to_time(ending.get("lastTransitionTime")),
        suspended=bool(spec.get("suspend")),
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
