"""What is derived from all trials of a search, as the report derives it, in numbers instead of drawings."""

from __future__ import annotations

from evonas.recorded.fitting import check_fits
from evonas.recorded.search import RecordedSearch
from evonas.report.importance import find_importance
from evonas.report.policy import LearnedPolicy, find_policy
from evonas.report.progress import costs, failures, improvements, origins, results_in_order
from evonas.report.stopping import count_stopping
from evonas.report.values import shares_of
from evonas.space import SearchSpace
from evonas.ui.models import (
    Analysis,
    FailureRow,
    Importance,
    ImprovementRow,
    OriginRow,
    Policy,
    PolicyMoment,
    Share,
    Stopping,
)


def analyse(record: RecordedSearch, revision: int) -> Analysis:
    """Return the analysis of a record, which is as of a revision; takes seconds for thousands of trials.
    EvonasError if its candidates do not fit its space."""
    check_fits(record)
    results = results_in_order(record)
    spent = costs(record)
    return Analysis(
        revision=revision,
        results=len(results),
        importance=_importance(record),
        policy=_policy(record.spec.space, find_policy(record)),
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
        improvements=[
            ImprovementRow(
                index=row.trial.index, value=row.trial.reward or 0.0, gain=row.gain, hours=row.hours, spent=row.spent
            )
            for row in improvements(record)
        ],
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


def _importance(record: RecordedSearch) -> Importance | None:
    found = find_importance(record.spec.space, results_in_order(record))
    if found is None:
        return None
    shares = [Share(decision=name, share=share) for name, share in found.shares.items()]
    return Importance(explained=found.explained, shares=shares)


def _policy(space: SearchSpace, found: LearnedPolicy | None) -> Policy | None:
    if found is None:
        return None
    return Policy(
        moments=[
            PolicyMoment(
                results=moment.rewards,
                probabilities={
                    decision.name: shares_of(moment, decision, has_absent=decision.when is not None)
                    for decision in space.decisions
                },
            )
            for moment in found.history
        ],
        problem=found.problem or None,
        foreign=found.is_foreign,
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
