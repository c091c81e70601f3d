"""Trials by column: what the page draws and lists ten thousand of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import NoneType
from typing import Any

from evonas.report.numbers import by_name, columns_of, objective_columns
from evonas.search.trial import Trial, in_words
from evonas.spec import Objective
from evonas.ui.models import DecisionValue, TrialColumns
from evonas.ui.views.summary import seconds

_SCALARS = (str, int, float, bool, NoneType)
"""What a decision may be; an export that somebody has changed may hold anything."""


def columns(trials: Sequence[Trial], objectives: Sequence[Objective] = ()) -> TrialColumns:
    """Return the trials of a search with these objectives by column.

    The types are right by construction: checking each of a million values would take longer than collecting them.
    """
    return TrialColumns.model_construct(
        **columns_of(trials),
        started=[seconds(trial.start_time) for trial in trials],
        ended=[seconds(trial.completion_time) for trial in trials],
        gpu_seconds=[float(trial.gpu_seconds) for trial in trials],
        attempts=[attempts(trial) for trial in trials],
        reused=[trial.reused is not None for trial in trials],
        policy_ratio=[trial.proposal.policy_ratio for trial in trials],
        objectives=objective_columns(objectives, trials),
        decisions={
            name: [value if isinstance(value, _SCALARS) else plain(value) for value in values]
            for name, values in by_name([trial.decisions for trial in trials]).items()
        },
        metrics=by_name([trial.metrics for trial in trials]),
        says=[in_words(trial.reason, trial.message) for trial in trials],
    )


def plain(value: Any) -> DecisionValue:
    """Return a decision as it is or, if it is no value at all, as JSON: somebody has changed the record."""
    return value if isinstance(value, str | int | float | bool) else json.dumps(value)


def attempts(trial: Trial) -> int:
    """Return how many attempts of a trial have started, the one under way among them."""
    return trial.latest_attempt if trial.is_run and (trial.attempts or trial.start_time is not None) else 0
