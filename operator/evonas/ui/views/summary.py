"""A search on one line, and what it is doing in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from evonas.gpus import GpuAccounting, count_gpus
from evonas.recorded.search import Overview, Phase
from evonas.report.numbers import objectives_of
from evonas.search.attempt import QueuedReason
from evonas.search.budget import SECONDS_PER_HOUR
from evonas.search.conditions import find_condition
from evonas.search.trial import in_words
from evonas.sources.live.seen import SeenSearch
from evonas.spec import parse_objectives
from evonas.ui.models import Best, FrontSize, Objective, Summary
from evonas.wording import counted, first_of
from evonas.workloads.parsing import gpus_of, read_workload

_BLOCKS = frozenset(reason.value for reason in QueuedReason if reason.blocks)
_UNREADABLE = Overview("", "", Phase.PENDING, "", {}, 0, None, None, 0, "", 0, None)


def summarise(seen: SeenSearch) -> Summary:
    """Return the line about a search."""
    spec = _mapping(seen.body.get("spec"))
    overview = seen.overview or _UNREADABLE
    metadata = _mapping(seen.body.get("metadata"))
    budget = _mapping(spec.get("budget"))
    objectives = _objectives(spec)
    best = None
    if overview.best is not None and overview.best_index is not None:
        best = Best(index=overview.best_index, value=overview.best)
    return Summary(
        id=seen.id,
        revision=seen.revision,
        origin=seen.origin,
        namespace=overview.namespace or None,
        name=overview.name or seen.reference,
        uid=seen.uid,
        reference=seen.reference,
        labels=dict(_mapping(metadata.get("labels"))),
        phase=None if seen.overview is None else overview.phase,
        says=say(seen),
        blocked=_blocked(seen),
        problem=seen.problem,
        agent=overview.agent,
        metric=overview.metric,
        minimize=objectives[0]["minimize"] if objectives else False,
        objectives=[*map(Objective.model_validate, objectives)],
        counts=dict(overview.counts),
        max_trials=overview.max_trials,
        best=best,
        front=None
        if overview.front_size is None
        else FrontSize(size=overview.front_size, hypervolume=overview.hypervolume),
        trend=list(seen.trend),
        uses_gpus=overview.gpu_seconds > 0 or _asks_for_gpus(spec, budget),
        gpu_hours=overview.gpu_seconds / SECONDS_PER_HOUR,
        max_gpu_hours=budget.get("maxGPUHours"),
        reused=overview.reused,
        created=seconds(overview.start_time),
        ended=seconds(seen.ended),
    )


def say(seen: SeenSearch) -> str:
    """Return what a search is doing or waits for, in a sentence without a full stop."""
    if seen.overview is None:
        return seen.problem or "nothing of it could be read"
    said = _from_conditions(seen) if seen.body.get("status") else ""
    said = said or _from_counts(seen.overview)
    if seen.warnings:
        said = f"{said}; {'; '.join(seen.warnings)}"
    return said


def seconds(moment: datetime | None) -> float | None:
    """Return a moment as seconds since 1970."""
    return None if moment is None else moment.timestamp()


def _from_conditions(seen: SeenSearch) -> str:
    """Return what an operator says of it; empty if it says nothing."""
    assert seen.overview is not None
    decisive = {
        Phase.REFUSED: "Accepted",
        Phase.COMPLETE: "Complete",
        Phase.FAILED: "Failed",
        Phase.RUNNING: "Progressing",
        Phase.SUSPENDED: "Progressing",
    }
    if (type := decisive.get(seen.overview.phase)) is None:
        return ""
    condition = find_condition(seen.body["status"], type)
    if condition is None:
        return ""
    if condition["reason"] in ("TrialsRunning", "TrialsStarting"):
        waits = condition.get("message", "")
        return "; ".join(filter(None, (_from_counts(seen.overview), waits)))
    return in_words(condition["reason"], condition.get("message", ""))


def _from_counts(overview: Overview) -> str:
    """Return what its trials say of a search."""
    counts = overview.counts
    total, going = counts.get("total", 0), counts.get("running", 0) + counts.get("queued", 0)
    done = f"{total - going:,} of {counted(overview.max_trials, 'trial')} done"
    if overview.phase is Phase.PENDING:
        return "no operator has processed it yet"
    if overview.phase is Phase.RUNNING:
        now = [f"{counts[state]:,} {state}" for state in ("running", "queued", "paused") if counts.get(state)]
        return f"{done}, {first_of(now)}" if now else done
    if overview.phase is Phase.STOPPED:
        return f"{done}; no process works on it: the same `evonas run` command resumes it"
    if overview.phase is Phase.SUSPENDED:
        return f"{done}; suspended"
    return f"{overview.phase.lower()} after {counted(total, 'trial')}"


def _blocked(seen: SeenSearch) -> str | None:
    if seen.overview is None or seen.overview.phase is not Phase.RUNNING:
        return None
    condition = find_condition(_mapping(seen.body.get("status")), "Progressing")
    return condition["reason"] if condition is not None and condition["reason"] in _BLOCKS else None


def _objectives(spec: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return what is optimised; nothing of a declaration that cannot be read."""
    with suppress(AttributeError, KeyError, TypeError):
        return objectives_of(parse_objectives(spec))
    return []


def _asks_for_gpus(spec: Mapping[str, Any], budget: Mapping[str, Any]) -> bool:
    """Return whether a trial asks for GPUs; one that cannot be read does not."""
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        accounting, trial = GpuAccounting.parse(budget), spec["trial"]
        if "workload" not in trial:
            return count_gpus(trial["template"]["spec"], accounting) > 0
        workload = read_workload(trial)
        return workload is not None and any(gpus_of(workload, accounting).values())
    return False


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
