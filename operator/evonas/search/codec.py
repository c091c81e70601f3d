"""Converts trials to and from ArchitectureTrial objects, the form in which the API server and local journals keep
them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from evonas.search.names import (
    INDEX_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    SEARCH_LABEL,
    SEARCH_UID_LABEL,
    trial_name,
)
from evonas.search.trial import EndedAttempt, Import, ProposalRecord, Reuse, RungResult, Trial, TrialState
from evonas.spec import API_VERSION

TRIAL_KIND = "ArchitectureTrial"


@dataclass(frozen=True)
class SearchIdentity:
    """Which search a record belongs to."""

    name: str
    uid: str
    namespace: str | None = None

    def trial_name(self, index: int) -> str:
        """Return the derived name of a trial."""
        return trial_name(self.name, self.uid, index)


def to_object(search: SearchIdentity, trial: Trial) -> dict[str, Any]:
    """Return the ArchitectureTrial, including its owner reference; without a status if it has none yet."""
    metadata: dict[str, Any] = {
        "name": search.trial_name(trial.index),
        "labels": {
            MANAGED_BY_LABEL: MANAGED_BY,
            SEARCH_LABEL: search.name,
            SEARCH_UID_LABEL: search.uid,
            INDEX_LABEL: str(trial.index),
        },
        "ownerReferences": [owner_reference("ArchitectureSearch", search.name, search.uid)],
    }
    if search.namespace is not None:
        metadata["namespace"] = search.namespace
    body: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": TRIAL_KIND,
        "metadata": metadata,
        "spec": {
            "searchRef": {"name": search.name, "uid": search.uid},
            "index": trial.index,
            "decisions": dict(trial.decisions),
            "proposal": _proposal(trial.proposal),
        },
    }
    if trial.imported is not None:
        body["spec"]["imported"] = _imported(trial.imported)
    if trial.reused is not None:
        body["spec"]["reusedFrom"] = _reused(trial.reused)
    if trial.state is not TrialState.PENDING:
        body["status"] = to_status(trial)
    return body


def owner_reference(kind: str, name: str, uid: str) -> dict[str, Any]:
    """Return a controller reference to an object of one of our kinds: deleting the owner deletes what it owns."""
    return {"apiVersion": API_VERSION, "kind": kind, "name": name, "uid": uid, "controller": True}


def to_status(trial: Trial) -> dict[str, Any]:
    """Return the trial's status as the CRD defines it; fields without a value are omitted."""
    return _without_empty(
        {
            "state": None if trial.state is TrialState.PENDING else trial.state.value,
            "reason": trial.reason,
            "message": trial.message,
            "reward": _decimal(trial.reward),
            "metrics": _decimals(trial.metrics),
            "sequence": trial.sequence,
            "rungs": [_rung(result) for result in trial.rungs],
            "lostCheckpoints": trial.lost_checkpoints or None,
            "fingerprint": trial.fingerprint,
            "attempts": [_attempt(attempt) for attempt in trial.attempts],
            "disruptions": trial.disruptions or None,
            "startTime": to_time(trial.start_time),
            "completionTime": to_time(trial.completion_time),
            "gpuSeconds": trial.gpu_seconds,
            "conditions": _conditions(trial),
        }
    )


def from_object(body: Mapping[str, Any]) -> Trial:
    """Read an ArchitectureTrial; KeyError or ValueError if we did not write it."""
    spec, status = body["spec"], body.get("status", {})
    proposal = spec["proposal"]
    return Trial(
        index=spec["index"],
        decisions=spec["decisions"],
        proposal=ProposalRecord(
            origin=proposal["origin"],
            parent=proposal.get("parent"),
            mutated=tuple(proposal.get("mutated", ())),
            observed_up_to=proposal["observedUpTo"],
            redrawn=proposal.get("redrawn", 0),
            competitors=proposal.get("competitors", 1),
            value=_number(proposal.get("value")),
            rank=proposal.get("rank"),
            policy_ratio=_number(proposal.get("policyRatio")),
            pinned=tuple(proposal.get("pinned", ())),
            repeat=proposal.get("repeat"),
            abandoned=tuple(proposal["abandoned"]) if "abandoned" in proposal else None,
        ),
        state=TrialState(status.get("state", TrialState.PENDING)),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        reward=_number(status.get("reward")),
        metrics=_numbers(status.get("metrics", {})),
        sequence=status.get("sequence"),
        rungs=tuple(
            _read_rung(result, f"trial {spec['index']}: status.rungs[{place}]")
            for place, result in enumerate(status.get("rungs", ()))
        ),
        lost_checkpoints=status.get("lostCheckpoints", 0),
        attempts=tuple(
            EndedAttempt(
                number=attempt["number"],
                reason=attempt.get("reason", ""),
                message=attempt.get("message", ""),
                pod=attempt.get("pod"),
                node=attempt.get("node"),
                start_time=from_time(attempt.get("startTime")),
                completion_time=from_time(attempt.get("completionTime")),
                disrupted=attempt.get("disrupted", False),
            )
            for attempt in status.get("attempts", ())
        ),
        disruptions=status.get("disruptions", 0),
        start_time=from_time(status.get("startTime")),
        completion_time=from_time(status.get("completionTime")),
        gpu_seconds=status.get("gpuSeconds", 0),
        imported=_read_imported(spec["imported"]) if "imported" in spec else None,
        reused=_read_reused(spec["reusedFrom"]) if "reusedFrom" in spec else None,
        fingerprint=status.get("fingerprint"),
    )


def to_decimal(value: float) -> str:
    """Write a number so that reading it back gives the same bits: rewards are strings in the API."""
    return repr(float(value))


def to_time(moment: datetime | None) -> str | None:
    """Write a time as the API does: RFC 3339, UTC, whole seconds."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_time(text: str | None) -> datetime | None:
    """Read a time from the API; fractions of seconds are kept."""
    return None if text is None else datetime.fromisoformat(text)


def _proposal(proposal: ProposalRecord) -> dict[str, Any]:
    body = _without_empty(
        {
            "origin": proposal.origin,
            "parent": proposal.parent,
            "mutated": list(proposal.mutated),
            "value": _decimal(proposal.value),
            "rank": proposal.rank,
            "policyRatio": _decimal(proposal.policy_ratio),
            "pinned": list(proposal.pinned),
            "repeat": proposal.repeat,
        }
    )
    if proposal.abandoned is not None:
        # An empty list has a meaning, too: the agent knew of no others.
        body["abandoned"] = list(proposal.abandoned)
    counts = {"redrawn": proposal.redrawn, "competitors": proposal.competitors}
    return body | {"observedUpTo": proposal.observed_up_to} | counts


def _imported(imported: Import) -> dict[str, Any]:
    return {
        "source": imported.source,
        "trial": imported.trial,
        "reward": to_decimal(imported.reward),
        "metrics": _decimals(imported.metrics),
        "runs": imported.runs,
        "of": imported.of,
    }


def _read_imported(body: Mapping[str, Any]) -> Import:
    return Import(
        source=body["source"],
        trial=body["trial"],
        reward=float(body["reward"]),
        metrics=_numbers(body.get("metrics", {})),
        runs=body["runs"],
        of=body["of"],
    )


def _reused(reused: Reuse) -> dict[str, Any]:
    return _without_empty(
        {
            "searchRef": {"name": reused.search, "uid": reused.uid},
            "index": reused.index,
            "fingerprint": reused.fingerprint,
            "state": reused.state.value,
            "reward": _decimal(reused.reward),
            "metrics": _decimals(reused.metrics),
        }
    )


def _read_reused(body: Mapping[str, Any]) -> Reuse:
    return Reuse(
        search=body["searchRef"]["name"],
        uid=body["searchRef"]["uid"],
        index=body["index"],
        fingerprint=body["fingerprint"],
        state=TrialState(body["state"]),
        reward=_number(body.get("reward")),
        metrics=_numbers(body.get("metrics", {})),
    )


def _decimals(values: Mapping[str, float]) -> dict[str, str]:
    return {name: to_decimal(value) for name, value in values.items()}


def _numbers(texts: Mapping[str, str]) -> dict[str, float]:
    return {name: float(text) for name, text in texts.items()}


def _decimal(value: float | None) -> str | None:
    return None if value is None else to_decimal(value)


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _rung(result: RungResult) -> dict[str, Any]:
    return _without_empty(
        {
            "step": result.step,
            "value": _decimal(result.value),
            "others": [to_decimal(value) for value in result.others],
            "sequence": result.sequence,
            "promotedAfter": result.promoted_after,
        }
    )


def _read_rung(body: Mapping[str, Any], path: str) -> RungResult:
    """Read a result at a rung; ValueError with the field that is wrong."""
    for field in ("step", "sequence", *(["promotedAfter"] if "promotedAfter" in body else [])):
        if type(body.get(field)) is not int or body[field] < 1:
            raise ValueError(f"{path}.{field} must be a whole number from 1, got {body.get(field)!r}")
    value = _finite(body["value"], f"{path}.value") if body.get("value") is not None else None
    others = tuple(_finite(text, f"{path}.others[{place}]") for place, text in enumerate(body.get("others", ())))
    if others and value is None:
        raise ValueError(f"{path}.others must be absent, since {path}.value is")
    return RungResult(body["step"], value, body["sequence"], body.get("promotedAfter"), others)


def _finite(text: Any, path: str) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{path} must be a finite decimal number, or absent, got {text!r}")
    return value


def _attempt(attempt: EndedAttempt) -> dict[str, Any]:
    return _without_empty(
        {
            "number": attempt.number,
            "reason": attempt.reason,
            "message": attempt.message,
            "pod": attempt.pod,
            "node": attempt.node,
            "startTime": to_time(attempt.start_time),
            "completionTime": to_time(attempt.completion_time),
            "disrupted": attempt.disrupted or None,
        }
    )


def _conditions(trial: Trial) -> list[dict[str, Any]]:
    """Return Complete or Failed, as Jobs have them, so that ``kubectl wait`` works; neither before the end."""
    if not trial.state.is_final:
        return []
    return [
        {
            "type": "Complete" if trial.state.teaches else "Failed",
            "status": "True",
            "reason": trial.reason or trial.state.value,
            "message": trial.message,
            "lastTransitionTime": to_time(trial.completion_time),
        }
    ]


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
