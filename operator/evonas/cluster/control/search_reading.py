"""Derives what the metrics show of a search (``metrics.searches``) from the status to be published. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from evonas.cluster.state.records import SearchRecord
from evonas.metrics.searches import SearchReading
from evonas.search.budget import budget_shares, saved_gpu_seconds
from evonas.search.codec import from_time
from evonas.search.totals import Totals
from evonas.search.trial import TrialState
from evonas.spec import SearchSpec

MAX_REASONS = 10
"""Failure reasons shown by name: some come from the container runtime, so their number is not bounded by us."""


def read_search(
    search: SearchRecord, spec: SearchSpec, totals: Totals, status: Mapping[str, Any], now: datetime
) -> SearchReading:
    """Return the reading of an accepted search."""
    conditions = _conditions(status)
    at_work, _ = conditions["Progressing"]
    start = from_time(status["startTime"])
    best = totals.best
    entropy = status["agent"].get("entropy")
    return SearchReading(
        uid=search.uid,
        namespace=search.namespace,
        name=search.name,
        conditions=conditions,
        trials={state: count for state, count in status["trials"].items() if state != "total"},
        failed=_frequent(totals.failures),
        outcomes={state.value: totals.counts[state] for state in TrialState if state.is_final},
        proposals=dict(totals.origins),
        reused=totals.reused,
        best_reward=None if best is None else best.reward,
        front=len(totals.front) if spec.has_several else None,
        hypervolume=totals.front.hypervolume if spec.has_several else None,
        mean_reward=totals.mean_reward,
        trials_since_improvement=totals.results_since_best,
        waits_since=(from_time(status.get("lastImprovement")) or start) if at_work else None,
        gpus=float(totals.counts[TrialState.RUNNING] * spec.trial.gpus) if spec.trial.gpus else None,
        gpu_seconds=totals.gpu_seconds if spec.trial.gpus else None,
        saved_gpu_seconds=saved_gpu_seconds(totals) if spec.trial.gpus and spec.fidelity is not None else None,
        last_rungs=_by_step(totals.last_rungs),
        stopped_at=_by_step(totals.stopped_at),
        paused_at=_by_step(totals.paused_at),
        promotions=totals.promotions if spec.pauses else None,
        lost_checkpoints=totals.lost_checkpoints if spec.pauses else None,
        budgets=budget_shares(spec, totals, start, now),
        entropy=None if entropy is None else float(entropy),
    )


def read_refused(search: SearchRecord, status: Mapping[str, Any]) -> SearchReading:
    """Return the reading of a search that cannot run as written."""
    return SearchReading(search.uid, search.namespace, search.name, _conditions(status))


def _conditions(status: Mapping[str, Any]) -> dict[str, tuple[bool, str]]:
    return {item["type"]: (item["status"] == "True", item["reason"]) for item in status["conditions"]}


def _by_step(trials: Counter[int]) -> dict[str, int]:
    return {str(step): count for step, count in sorted(trials.items())}


def _frequent(failures: Counter[str]) -> dict[str, int]:
    shown = dict(failures.most_common(MAX_REASONS))
    rest = failures.total() - sum(shown.values())
    return shown | ({"Other": shown.get("Other", 0) + rest} if rest else {})
