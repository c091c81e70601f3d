"""From what is seen of an attempt to the trial's next record: one trial at a time, pure.

``plan`` calls this for each unfinished trial and assigns places in the sequence afterwards.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from evonas.search.attempt import AttemptPhase, AttemptView, Ending, Verdict
from evonas.search.objective import evaluate
from evonas.search.trial import EndedAttempt, Trial, TrialState
from evonas.spec import SearchSpec

MAX_MESSAGE = 1024


def settle(spec: SearchSpec, trial: Trial, view: AttemptView) -> Trial:
    """Return the trial as it stands after its current attempt was seen as ``view``; its sequence is left unset."""
    if view.phase is not AttemptPhase.ENDED:
        state = TrialState.RUNNING if view.phase is AttemptPhase.RUNNING else TrialState.QUEUED
        return replace(
            trial,
            state=state,
            reason=view.reason,
            message=_cut(view.message),
            start_time=trial.start_time or view.start_time,
        )
    assert view.ending is not None
    ended = _with_attempt(spec, trial, view, view.ending)
    if view.ending.verdict is Verdict.BROKEN and len(ended.attempts) <= spec.trial.retries:
        return replace(ended, state=TrialState.QUEUED, reason="Retrying", message=_cut(_says(view.ending)))
    return _final(spec, ended, view.ending)


def gpu_seconds(spec: SearchSpec, start: datetime | None, end: datetime | None) -> int:
    """Return what an attempt cost: its container's run time times its GPUs, rounded up."""
    if start is None or end is None:
        return 0
    return -int(-(max(end - start, start - start).total_seconds() * spec.trial.gpus) // 1)


def _final(spec: SearchSpec, trial: Trial, ending: Ending) -> Trial:
    metrics = ending.report.metrics if ending.report is not None else {}
    if ending.verdict is Verdict.INFEASIBLE:
        return replace(
            trial, state=TrialState.INFEASIBLE, reason=ending.reason, message=_cut(ending.message), metrics=metrics
        )
    if ending.verdict is not Verdict.REPORTED or ending.report is None:
        return replace(trial, state=TrialState.FAILED, reason=ending.reason, message=_cut(_says(ending)))
    evaluation = evaluate(spec.objective, ending.report)
    if evaluation.reward is not None:
        state = TrialState.SUCCEEDED
    else:
        state = TrialState.INFEASIBLE if evaluation.infeasible else TrialState.FAILED
    return replace(
        trial,
        state=state,
        reason=evaluation.reason,
        message=_cut(evaluation.message),
        reward=evaluation.reward,
        metrics=metrics,
    )


def _with_attempt(spec: SearchSpec, trial: Trial, view: AttemptView, ending: Ending) -> Trial:
    attempt = EndedAttempt(
        number=view.number,
        reason=ending.reason or "Completed",
        message=_cut(ending.message),
        node=view.node,
        start_time=view.start_time,
        completion_time=view.end_time,
    )
    return replace(
        trial,
        attempts=(*trial.attempts, attempt),
        start_time=trial.start_time or view.start_time,
        completion_time=view.end_time,
        gpu_seconds=trial.gpu_seconds + gpu_seconds(spec, view.start_time, view.end_time),
    )


def _says(ending: Ending) -> str:
    return f"{ending.reason}: {ending.message}" if ending.message else ending.reason


def _cut(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 1]}…"
