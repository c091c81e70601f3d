"""What other tools are told of a trial beside its decisions and results. Pure."""

from __future__ import annotations

from typing import Any

from evonas.search.trial import Trial


def attributes_of(trial: Trial) -> dict[str, Any]:
    """Return how the trial came about and what it cost, by names that every bridge uses."""
    proposal = trial.proposal
    return {
        "index": trial.index,
        "origin": proposal.origin,
        "parent": proposal.parent,
        "mutated": list(proposal.mutated),
        "reason": trial.reason,
        "gpu_seconds": trial.gpu_seconds,
        **({} if trial.reused is None else {"reused_from": trial.reused.trial}),
    }
