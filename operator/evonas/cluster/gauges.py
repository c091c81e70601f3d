"""Shows a search in the metrics after each pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evonas.cluster.records import SearchRecord
from evonas.metrics import (
    AGENT_ENTROPY,
    SEARCH_BEST_REWARD,
    SEARCH_GPU_SECONDS,
    SEARCH_MEAN_REWARD,
    SEARCH_TRIALS,
)
from evonas.search.totals import Totals
from evonas.spec import SearchSpec


def show_search(search: SearchRecord, spec: SearchSpec, totals: Totals, status: Mapping[str, Any]) -> None:
    """Set the gauges of one search from the status that is to be published."""
    labels = (search.namespace, search.name)
    for state, count in status["trials"].items():
        if state != "total":
            SEARCH_TRIALS.labels(*labels, state).set(count)
    if "best" in status:
        SEARCH_BEST_REWARD.labels(*labels).set(float(status["best"]["reward"]))
    if totals.mean_reward is not None:
        SEARCH_MEAN_REWARD.labels(*labels).set(totals.mean_reward)
    if spec.trial.gpus:
        SEARCH_GPU_SECONDS.labels(*labels).set(status["gpuSeconds"])
    if "entropy" in status["agent"]:
        AGENT_ENTROPY.labels(*labels).set(float(status["agent"]["entropy"]))
