"""What is derived from all trials of a search, as the report derives it, in numbers instead of drawings."""

from __future__ import annotations

from evonas.recorded.fitting import check_fits
from evonas.recorded.search import RecordedSearch
from evonas.report.importance import find_importance
from evonas.report.numbers import importance_of, improvements_of, policy_of
from evonas.report.policy import find_policy
from evonas.report.progress import costs, failures, improvements, origins, results_in_order
from evonas.report.stopping import count_stopping
from evonas.ui.models import (
    Analysis,
    FailureRow,
    Importance,
    ImprovementRow,
    OriginRow,
    Policy,
    Stopping,
)


def analyse(record: RecordedSearch, revision: int) -> Analysis:
    """Return the analysis of a record, which is as of a revision; takes seconds for thousands of trials.
    EvonasError if its candidates do not fit its space."""
    check_fits(record)
    space, results, spent = record.spec.space, results_in_order(record), costs(record)
    importance, policy = find_importance(space, results), find_policy(record)
    return Analysis(
        revision=revision,
        results=len(results),
        importance=None if importance is None else Importance.model_validate(importance_of(importance)),
        policy=None if policy is None else Policy.model_validate(policy_of(space, policy)),
        origins=[
            OriginRow(
                origin=row.name,
                trials=row.trials,
                results=row.results,
                stopped=row.stopped,
                paused=row.paused,
                reused=row.reused,
                mean=row.mean,
                best=row.best,
            )
            for row in origins(record)
        ],
        improvements=[*map(ImprovementRow.model_validate, improvements_of(improvements(record)))],
        failures=[
            FailureRow(
                state=group.state,
                reason=group.reason,
                trials=[trial.index for trial in group.trials],
                message=group.trials[-1].message,
            )
            for group in failures(record)
        ],
        stopping=_stopping(record),
        gpu_hours=spent.gpu_hours,
        trial_hours=spent.trial_hours,
        confirmation_hours=spent.confirmation_hours,
    )


def _stopping(record: RecordedSearch) -> Stopping | None:
    found = count_stopping(record)
    if found is None:
        return None
    return Stopping(
        rule=found.rule,
        pauses=found.pauses,
        cut=found.cut,
        full=found.full,
        at=found.at,
        saved_hours=found.saved_gpu_hours if record.uses_gpus else found.saved_hours,
    )
