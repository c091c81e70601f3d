"""What other tools get to know about a trial: origin and cost, and its learning curve. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from evonas.recorded.search import RecordedSearch
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


def learning_curve(record: RecordedSearch, trial: Trial) -> Iterator[tuple[int, float]]:
    """Yield what a trial had at its rungs and at its end, by step; NaN where it had diverged."""
    for result in trial.rungs:
        yield result.step, math.nan if result.value is None else result.value
    if trial.rungs and trial.reward is not None and record.spec.fidelity is not None:
        yield record.spec.fidelity.steps[-1], trial.reward
