"""The search's status: a bounded summary of its trials (design §3). Pure; the same trials give the same status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from evonas.search.attempt import AttemptPhase, AttemptView
from evonas.search.codec import SearchIdentity, to_decimal, to_time
from evonas.search.conditions import Condition, to_conditions
from evonas.search.objective import oriented
from evonas.search.plan import Plan
from evonas.search.trial import Trial, TrialState
from evonas.spec import Objective, SearchSpec


def find_best(objective: Objective, trials: Iterable[Trial]) -> Trial | None:
    """Return the trial with the best reward, the earliest recorded of equals."""
    rewarded = [(trial, trial.reward) for trial in trials if trial.reward is not None]
    if not rewarded:
        return None
    best, _ = max(rewarded, key=lambda pair: (oriented(objective, pair[1]), -(pair[0].sequence or 0)))
    return best


def count_states(trials: Iterable[Trial]) -> dict[str, int]:
    """Return the number of trials in each state, as the status has them; pending ones count as queued."""
    counts = Counter(trial.state for trial in trials)
    return {
        "total": counts.total(),
        "queued": counts[TrialState.PENDING] + counts[TrialState.QUEUED],
        "running": counts[TrialState.RUNNING],
        "succeeded": counts[TrialState.SUCCEEDED],
        "infeasible": counts[TrialState.INFEASIBLE],
        "failed": counts[TrialState.FAILED],
    }


def summarise(
    identity: SearchIdentity,
    spec: SearchSpec,
    plan: Plan,
    views: Mapping[int, AttemptView],
    *,
    entropy: float | None,
    generation: int,
    before: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """Return the status of an accepted search."""
    status: dict[str, Any] = {
        "observedGeneration": generation,
        "conditions": to_conditions(_conditions(spec, plan, views), before.get("conditions", ()), generation, now),
        "trials": count_states(plan.trials),
        "gpuSeconds": sum(trial.gpu_seconds for trial in plan.trials),
        "agent": {
            "observations": sum(trial.sequence is not None for trial in plan.trials),
            "spaceSize": str(spec.space.size),
        },
        "startTime": before.get("startTime", to_time(now)),
    }
    if entropy is not None:
        status["agent"]["entropy"] = f"{entropy:.3f}"
    if (best := find_best(spec.objective, plan.trials)) is not None and best.reward is not None:
        status["best"] = {
            "trial": identity.trial_name(best.index),
            "index": best.index,
            "reward": to_decimal(best.reward),
            "decisions": dict(best.decisions),
        }
        status["lastImprovement"] = to_time(best.completion_time)
    if plan.is_over:
        status["completionTime"] = before.get("completionTime", to_time(now))
    return status


def refuse(reason: str, message: str, *, generation: int, before: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the status of a search that cannot run as it is written; what it had reached stays."""
    conditions = [
        Condition("Accepted", status=False, reason=reason, message=message),
        Condition("Progressing", status=False, reason="NotAccepted", message=message),
    ]
    renewed = {condition.type for condition in conditions}
    kept = [condition for condition in before.get("conditions", ()) if condition["type"] not in renewed]
    return {
        **before,
        "observedGeneration": generation,
        "conditions": [*to_conditions(conditions, before.get("conditions", ()), generation, now), *kept],
    }


def _conditions(spec: SearchSpec, plan: Plan, views: Mapping[int, AttemptView]) -> Sequence[Condition]:
    reason, message = (plan.limit.reason, plan.limit.message) if plan.limit is not None else ("Unfinished", "")
    failed = plan.is_over and plan.limit is not None and plan.limit.failed
    complete = plan.is_over and not failed
    return (
        Condition("Accepted", status=True, reason="Accepted", message="the search can run as it is written"),
        _progressing(spec, plan, views),
        Condition("Suspended", status=spec.suspend, reason="SuspendSet" if spec.suspend else "SuspendNotSet"),
        Condition("Complete", complete, reason if complete else "Unfinished", message if complete else ""),
        Condition("Failed", failed, reason if failed else "NotFailed", message if failed else ""),
    )


def _progressing(spec: SearchSpec, plan: Plan, views: Mapping[int, AttemptView]) -> Condition:
    unfinished = [trial for trial in plan.trials if not trial.state.is_final]
    if plan.is_over and plan.limit is not None:
        return Condition("Progressing", status=False, reason=plan.limit.reason, message=plan.limit.message)
    if spec.suspend and not unfinished:
        return Condition("Progressing", status=False, reason="Suspended", message="spec.suspend is true")
    waiting = [trial.index for trial in unfinished if _is_queued(views.get(trial.index))]
    if unfinished and len(waiting) == len(unfinished):
        oldest = views.get(min(waiting))
        if oldest is not None and oldest.reason:
            return Condition("Progressing", status=True, reason=oldest.reason, message=oldest.message)
        return Condition("Progressing", status=True, reason="TrialsQueued", message="no trial's container runs yet")
    if plan.limit is not None:
        return Condition("Progressing", status=True, reason="Draining", message=plan.limit.message)
    return Condition("Progressing", status=True, reason="TrialsRunning")


def _is_queued(view: AttemptView | None) -> bool:
    return view is None or view.phase is AttemptPhase.QUEUED
