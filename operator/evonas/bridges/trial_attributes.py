"""What other tools get to know about a trial besides its decisions and results. Pure."""

from __future__ import annotations

from typing import Any

from evonas.search.trial import Trial


def attributes_of(trial: Trial) -> dict[str, Any]:
    """Return the trial's origin and cost, under the names that every bridge uses."""
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
