"""Searches and trials that the tests of the pure rules share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from evonas.search.budget import Limit
from evonas.search.codec import SearchIdentity
from evonas.search.plan import Plan
from evonas.search.proposer import Proposer
from evonas.search.table import TrialTable
from evonas.search.totals import Totals
from evonas.search.trial import ProposalRecord, Trial, TrialState
from evonas.spec import SearchSpec

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
IDENTITY = SearchIdentity("search", "0f0e", "default")


def search_spec(**spec: Any) -> SearchSpec:
    """Return the search of ``search_body``."""
    return SearchSpec.parse(search_body(**spec))


def search_body(
    *, budget: dict[str, Any] | None = None, trial: dict[str, Any] | None = None, gpus: int = 0, **spec: Any
) -> dict[str, Any]:
    """Return a search over one decision of 100 values, or what ``spec`` says instead."""
    container: dict[str, Any] = {"name": "trial", "image": "none"}
    if gpus:
        container["resources"] = {"limits": {"nvidia.com/gpu": gpus}}
    return {
        "apiVersion": "evonas.dev/v1alpha1",
        "kind": "ArchitectureSearch",
        "metadata": {"name": "search"},
        "spec": {
            "searchSpace": [{"name": "a", "values": list(range(100))}],
            "budget": {"maxTrials": 20, "parallelTrials": 4, **(budget or {})},
            "trial": {"template": {"spec": {"containers": [container]}}, **(trial or {})},
            **spec,
        },
    }


def trial(index: int, state: TrialState = TrialState.PENDING, **fields: Any) -> Trial:
    return Trial(index, {"a": index}, ProposalRecord("random", None, (), 0), state, **fields)


def succeeded(index: int, reward: float, **fields: Any) -> Trial:
    return trial(index, TrialState.SUCCEEDED, reward=reward, **{"sequence": index + 1, **fields})


def totals_of(trials: Iterable[Trial], spec: SearchSpec | None = None) -> Totals:
    """Return the totals of trials in any state."""
    return Totals((spec or search_spec()).objectives, trials)


def planned(
    trials: Iterable[Trial] = (), *, spec: SearchSpec | None = None, limit: Limit | None = None, is_over: bool = False
) -> Plan:
    """Return the plan of a pass that found these trials and has nothing to do."""
    trials = list(trials)
    unfinished = tuple(trial for trial in trials if not trial.state.is_final)
    return Plan(totals_of(trials, spec), unfinished, limit=limit, is_over=is_over)


def propose(proposer: Proposer, trials: Iterable[Trial], count: int) -> list[Trial]:
    """Have a proposer propose from a table of its own."""
    return proposer.propose(proposer.collect(TrialTable(trials)), count)
