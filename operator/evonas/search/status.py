"""The search's status: a bounded summary of its trials. Pure; the same trials give the same status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from evonas.search.attempt import AttemptPhase, AttemptView, QueuedReason
from evonas.search.budget import Limit
from evonas.search.codec import SearchIdentity, to_decimal, to_time
from evonas.search.conditions import Condition, to_conditions
from evonas.search.confirmation import Confirmed, confirm
from evonas.search.front import MAX_SHOWN, Front
from evonas.search.objective import values_of
from evonas.search.placeholders import find_placeholders
from evonas.search.plan import Plan
from evonas.search.recommendation import Recommended, recommend
from evonas.search.software_versions import note_versions
from evonas.search.totals import Totals
from evonas.search.trial import TrialState
from evonas.spec import SearchSpec
from evonas.wording import counted


@dataclass(frozen=True)
class Blockage:
    """What keeps a search from making progress."""

    reason: QueuedReason
    message: str


def count_states(totals: Totals) -> dict[str, int]:
    """Return the number of trials in each state, as the status shows them; pending ones count as queued."""
    counts = totals.counts
    return {
        "total": totals.total,
        "queued": counts[TrialState.PENDING] + counts[TrialState.QUEUED],
        "running": counts[TrialState.RUNNING],
        "succeeded": counts[TrialState.SUCCEEDED],
        "infeasible": counts[TrialState.INFEASIBLE],
        "failed": counts[TrialState.FAILED],
        "cancelled": counts[TrialState.CANCELLED],
        **({"stopped": counts[TrialState.STOPPED]} if counts[TrialState.STOPPED] else {}),
        **({"paused": counts[TrialState.PAUSED]} if counts[TrialState.PAUSED] else {}),
    }


def summarise(
    identity: SearchIdentity,
    spec: SearchSpec,
    plan: Plan,
    views: Mapping[int, AttemptView],
    *,
    refused: Blockage | None,
    entropy: float | None,
    generation: int,
    before: Mapping[str, Any],
    now: datetime,
    versions: Mapping[str, str],
    note: str = "",
    knowledge: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the status of an accepted search.

    ``refused`` is what the API server last refused to create for it, ``versions`` the software that proposes now,
    ``note`` what was found in the sources of results to import, ``knowledge`` what is known of earlier searches, if
    that is known now.
    """
    status: dict[str, Any] = {
        "observedGeneration": generation,
        "conditions": to_conditions(
            _conditions(spec, plan, views, refused), before.get("conditions", ()), generation, now
        ),
        "trials": count_states(plan.totals),
        "gpuSeconds": plan.totals.gpu_seconds,
        "agent": {
            "observations": plan.totals.observations,
            "spaceSize": str(spec.space.size),
        },
        "startTime": before.get("startTime", to_time(now)),
    }
    environments: Sequence[Mapping[str, Any]] = before.get("environments", ())
    if plan.limit is None:
        environments = note_versions(environments, versions, plan.totals.recorded)
    if environments:
        status["environments"] = environments
    # An agent that is not needed now is not in memory, so it has not changed.
    shown = before.get("agent", {}).get("entropy") if entropy is None else f"{entropy:.3f}"
    if shown is not None:
        status["agent"]["entropy"] = shown
    note = note or before.get("warmStart", {}).get("message", "")
    if plan.totals.imported or note:
        status["warmStart"] = {"imported": plan.totals.imported, "message": note}
    if known := {**before.get("knowledge", {}), **(knowledge or {})}:
        status["knowledge"] = known
    if plan.totals.reused:
        status["reusedTrials"] = plan.totals.reused
    if (best := plan.totals.best) is not None and best.reward is not None:
        status["best"] = {
            "trial": identity.trial_name(best.index),
            "index": best.index,
            "reward": to_decimal(best.reward),
            "decisions": dict(best.decisions),
        }
    if spec.has_several and (front := _front(identity, spec, plan.totals.front)) is not None:
        status["front"] = front
    if (latest := plan.totals.latest_improvement) is not None:
        status["lastImprovement"] = to_time(latest.completion_time)
    if (recommended := recommend(spec, plan.totals)) is not None:
        status["recommended"] = _recommended(identity, recommended)
    if confirmed := [_confirmed(identity, spec, item) for item in confirm(spec, plan.totals) if item.runs]:
        status["confirmed"] = confirmed
    if plan.is_over:
        status["completionTime"] = before.get("completionTime", to_time(now))
    return status


def _recommended(identity: SearchIdentity, recommended: Recommended) -> dict[str, Any]:
    return {
        "trial": identity.trial_name(recommended.index),
        "index": recommended.index,
        "runs": recommended.runs,
        "mean": to_decimal(recommended.mean),
        "expected": to_decimal(recommended.expected),
        "standardDeviation": to_decimal(recommended.deviation),
        "decisions": dict(recommended.trial.decisions),
    }


def _front(identity: SearchIdentity, spec: SearchSpec, front: Front) -> dict[str, Any] | None:
    """Return the front as far as its members stand for all; None before the first result."""
    if front.reference is None:
        return None
    shown = [front.members[place] for place in front.cover(MAX_SHOWN)]
    return {
        "size": len(front),
        "hypervolume": to_decimal(front.finite_hypervolume),
        "reference": _by_metric(spec, front.reference),
        "members": [
            {
                "trial": identity.trial_name(member.index),
                "index": member.index,
                "values": _by_metric(spec, values_of(spec.objectives, member) or ()),
            }
            for member in shown
        ],
    }


def _by_metric(spec: SearchSpec, values: Sequence[float | None]) -> dict[str, str]:
    """Return the values of the objectives, as far as there are any."""
    named = zip(spec.objectives, values, strict=False)
    return {objective.name: to_decimal(value) for objective, value in named if value is not None}


def _confirmed(identity: SearchIdentity, spec: SearchSpec, confirmed: Confirmed) -> dict[str, Any]:
    leader = confirmed.leader
    item: dict[str, Any] = {"trial": identity.trial_name(leader.index), "index": leader.index, "runs": confirmed.runs}
    if spec.has_several:
        found = {"means": confirmed.means, "standardDeviations": confirmed.deviations}
        return item | {field: named for field, values in found.items() if (named := _by_metric(spec, values))}
    item["wins"] = confirmed.wins
    if confirmed.mean is not None:
        item["mean"] = to_decimal(confirmed.mean)
    if confirmed.deviation is not None:
        item["standardDeviation"] = to_decimal(confirmed.deviation)
    return item


def refuse(
    reason: str,
    message: str,
    *,
    generation: int,
    before: Mapping[str, Any],
    now: datetime,
    stalled: bool = True,
    achieved: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the status of a search that cannot run as it is written; what it has ``achieved`` stays, by default what
    was published ``before``. ``stalled`` means that it cannot continue without a user's action.
    """
    achieved = before if achieved is None else achieved
    conditions = [
        Condition("Accepted", status=False, reason=reason, message=message),
        Condition("Progressing", status=False, reason="NotAccepted", message=message),
        Condition("Stalled", status=stalled, reason=reason, message="see Accepted"),
    ]
    renewed = {condition.type for condition in conditions}
    kept = [condition for condition in achieved.get("conditions", ()) if condition["type"] not in renewed]
    return {
        **achieved,
        "observedGeneration": generation,
        "conditions": [*to_conditions(conditions, before.get("conditions", ()), generation, now), *kept],
    }


def end_conditions(end: Limit | None) -> Sequence[Condition]:
    """Return what says whether a search has ended, and how; None if it has not."""
    failed = end if end is not None and end.failed else None
    complete = end if failed is None else None
    return (
        _told("Complete", complete, otherwise="Unfinished"),
        _told("Failed", failed, otherwise="NotFailed"),
        # For kstatus, which knows neither Accepted nor Failed: it cannot continue without a user's action.
        _told("Stalled", None if failed is None else replace(failed, message="see Failed"), otherwise="NotStalled"),
    )


def _told(type: str, end: Limit | None, *, otherwise: str) -> Condition:
    if end is None:
        return Condition(type, status=False, reason=otherwise)
    return Condition(type, status=True, reason=end.reason, message=end.message)


def _conditions(
    spec: SearchSpec, plan: Plan, views: Mapping[int, AttemptView], refused: Blockage | None
) -> Sequence[Condition]:
    return (
        Condition("Accepted", status=True, reason="Accepted", message="the search can run as it is written"),
        _progressing(spec, plan, views, refused),
        Condition("Suspended", status=spec.suspend, reason="SuspendSet" if spec.suspend else "SuspendNotSet"),
        *end_conditions(plan.limit if plan.is_over else None),
        *_warnings(spec),
    )


def _warnings(spec: SearchSpec) -> list[Condition]:
    """Return what may be wrong with a search that runs all the same; nothing where nothing is."""
    found = "; ".join(map(str, find_placeholders(spec)))
    return [Condition("Placeholders", status=True, reason="NotReplaced", message=found)] if found else []


def _progressing(spec: SearchSpec, plan: Plan, views: Mapping[int, AttemptView], refused: Blockage | None) -> Condition:
    """Say whether the search makes progress; if nothing runs, why not, as the oldest blockage puts it."""
    if plan.is_over and plan.limit is not None:
        return Condition("Progressing", status=False, reason=plan.limit.reason, message=plan.limit.message)
    if spec.suspend and not plan.unfinished:
        return Condition("Progressing", status=False, reason="Suspended", message="spec.suspend is true")
    waiting = [trial.index for trial in plan.unfinished if _is_queued(views.get(trial.index))]
    blockage = refused or _oldest_blockage(waiting, views)
    runs = len(waiting) < len(plan.unfinished)
    if not runs and blockage is not None:
        return Condition("Progressing", status=True, reason=blockage.reason.value, message=blockage.message)
    verb = "waits" if len(waiting) == 1 else "wait"
    said = "" if blockage is None else f"{counted(len(waiting), 'trial')} {verb}: {blockage.reason}: {blockage.message}"
    if plan.limit is not None and (plan.confirmations or any(trial.is_confirmation for trial in plan.unfinished)):
        which = "members of the front" if spec.has_several else "the best candidates"
        progress = f"{plan.limit.message}; {which} are trained again, as spec.confirm asks"
        said = f"{progress}; {said}" if said else progress
        return Condition("Progressing", status=True, reason="Confirming", message=said)
    if plan.limit is not None:
        said = f"{plan.limit.message}; {said}" if said else plan.limit.message
        return Condition("Progressing", status=True, reason="Draining", message=said)
    return Condition("Progressing", status=True, reason="TrialsRunning" if runs else "TrialsStarting", message=said)


def _oldest_blockage(waiting: Sequence[int], views: Mapping[int, AttemptView]) -> Blockage | None:
    for index in sorted(waiting):
        view = views.get(index)
        if view is not None and view.reason is not None and view.reason.blocks:
            return Blockage(view.reason, f"trial {index}: {view.message}")
    return None


def _is_queued(view: AttemptView | None) -> bool:
    return view is None or view.phase is AttemptPhase.QUEUED
