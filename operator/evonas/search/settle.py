"""From the view of an attempt to the trial's next record: one trial at a time, pure.

``plan`` calls this for each unfinished trial and assigns places in the sequence afterwards.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

from evonas.search.attempt import AttemptPhase, AttemptView, Disruption, Ending, Holding, QueuedReason, Verdict
from evonas.search.objective import VIOLATED, evaluate
from evonas.search.pausing import pauses_next, pauses_of
from evonas.search.trial import MAX_ATTEMPTS, VETOED, EndedAttempt, Import, Reuse, Trial, TrialState, in_words
from evonas.spec import SearchSpec

MAX_MESSAGE = 1024


def settle(spec: SearchSpec, trial: Trial, view: AttemptView) -> Trial:
    """Return the trial after its current attempt was seen as ``view``; its sequence is left unset."""
    trial = _with_disruptions(spec, trial, view)
    if view.phase is not AttemptPhase.ENDED:
        return replace(
            trial,
            state=TrialState.RUNNING if view.phase is AttemptPhase.RUNNING else TrialState.QUEUED,
            reason="" if view.reason is None else view.reason.value,
            message=_cut(view.message),
            start_time=trial.start_time or view.start_time,
        )
    assert view.ending is not None
    loss = _lost_checkpoint(spec, trial, view)
    if loss:
        trial = replace(trial, lost_checkpoints=trial.lost_checkpoints + 1)
    said = "; ".join(filter(None, (loss, view.ending.message)))
    ended = _with_end(spec, trial, view, view.ending.reason or "Completed", said)
    if view.ending.verdict is Verdict.BROKEN and view.number - pauses_of(spec, trial) <= spec.trial.retries:
        retrying = QueuedReason.RETRYING.value
        because = in_words(view.ending.reason, view.ending.message)
        return replace(ended, state=TrialState.QUEUED, reason=retrying, message=_cut(because))
    final = _final(spec, ended, view.ending)
    if pauses_next(spec, trial):
        final = _at_rung(spec, trial, view, final)
    return replace(final, fingerprint=view.fingerprint) if final.state.teaches else final


def _at_rung(spec: SearchSpec, trial: Trial, view: AttemptView, final: Trial) -> Trial:
    """Return the trial after an attempt that was to end at a rung before the last; ``final`` is what it would be if
    that had been the end of the training. Its result there is not entered yet (``rungs.reached``).
    """
    assert spec.fidelity is not None
    if final.state is not TrialState.SUCCEEDED and final.reason != VIOLATED:
        return final
    until, beyond = spec.fidelity.steps[len(trial.rungs)], spec.fidelity.steps[len(trial.rungs) + 1]
    if view.progress is not None and view.progress.step >= beyond:
        message = (
            f"it trained to step {view.progress.step}, but EVONAS_UNTIL was {until}: in mode Pause, a program has to "
            "save a checkpoint at that step, report and end"
        )
        state, reason = TrialState.FAILED, "UntilIgnored"
        return replace(final, state=state, reason=reason, message=message, reward=None, metrics={})
    *earlier, last = final.attempts
    said = f"at step {until}, {last.message}" if last.message else f"at step {until}"
    return replace(
        final,
        state=TrialState.PAUSED,
        reason="",
        message="",
        reward=None,
        metrics={},
        attempts=(*earlier, replace(last, reason=TrialState.PAUSED, message=said)),
    )


def _lost_checkpoint(spec: SearchSpec, trial: Trial, view: AttemptView) -> str:
    """Say what an attempt had lost that started again from less than the rung where the trial was paused."""
    resumed = _resumed(view)
    if not pauses_of(spec, trial) or resumed is None or resumed >= trial.rungs[-1].step:
        return ""
    return f"trained again from step {resumed}, since the checkpoint of step {trial.rungs[-1].step} was gone"


def _resumed(view: AttemptView) -> int | None:
    """Return the step from whose checkpoint the attempt says that it went on; None if it does not say."""
    assert view.ending is not None
    said = (view.ending.report, view.progress)
    return next((each.resumed for each in said if each is not None and each.resumed is not None), None)


def take_over(trial: Trial, imported: Import, now: datetime) -> Trial:
    """Return an imported trial as first recorded: it has succeeded, elsewhere."""
    runs = "" if imported.runs == 1 else f", the mean of {imported.runs} runs"
    return replace(
        trial,
        state=TrialState.SUCCEEDED,
        reason="Imported",
        message=f"result of trial {imported.trial} of {imported.source}{runs}",
        reward=imported.reward,
        metrics=imported.metrics,
        completion_time=now,
    )


def take_reused(trial: Trial, reused: Reuse, now: datetime) -> Trial:
    """Return a trial with another's result as first recorded."""
    return replace(
        trial,
        state=reused.state,
        reason="Reused",
        message=f"result of trial {reused.trial} of search {reused.search}",
        reward=reused.reward,
        metrics=reused.metrics,
        fingerprint=reused.fingerprint,
        completion_time=now,
    )


def cancel(spec: SearchSpec, trial: Trial, view: AttemptView | None, reason: str, now: datetime) -> Trial:
    """Return the trial after its running attempt was stopped because the search is over."""
    stopped = _stopped(spec, trial, view, "Cancelled", "stopped because the search had ended", now)
    return replace(stopped, state=TrialState.CANCELLED, reason=reason, sequence=None)


def veto(spec: SearchSpec, trial: Trial, view: AttemptView | None, because: str, now: datetime) -> Trial:
    """Return the trial after its running attempt was stopped because a user vetoed it."""
    stopped = _stopped(spec, trial, view, VETOED, because, now)
    return replace(stopped, state=TrialState.INFEASIBLE, reason=VETOED)


def stop(spec: SearchSpec, trial: Trial, view: AttemptView | None, reason: str, because: str, now: datetime) -> Trial:
    """Return the trial after its running attempt was stopped at a rung, the last one recorded."""
    stopped = _stopped(spec, trial, view, "Stopped", because, now)
    return replace(stopped, state=TrialState.STOPPED, reason=reason, sequence=trial.rungs[-1].sequence)


def _stopped(
    spec: SearchSpec, trial: Trial, view: AttemptView | None, reason: str, message: str, now: datetime
) -> Trial:
    # An attempt that had ended is already in the record, with its GPU seconds.
    if view is not None and view.number == trial.current_attempt and view.held_since is not None:
        ended = replace(view, end_time=now)
        trial = _with_end(spec, _with_disruptions(spec, trial, view), ended, reason, message)
    return replace(trial, message=_cut(message), completion_time=now)


def gpu_seconds(spec: SearchSpec, trial: Trial, view: AttemptView, over: AttemptView | Disruption) -> int:
    """Return what is to be charged when an attempt, or a disruption of it, is over: the time that each of its pods held
    its GPUs times their number, rounded up to a whole second of one GPU.

    Where there are several pods, one that is disrupted leaves others behind that go on holding theirs: each disruption
    settles what all of them have held until then, which leaves no more than one full attempt to be charged.
    """
    if over.end_time is None:
        return 0
    if not view.holdings:
        gpus = spec.trial.gpus if view.gpus is None else view.gpus
        return 0 if over.held_since is None else math.ceil(gpus * _seconds(over.held_since, over.end_time))
    since, end = _settled_until(trial, view), over.end_time
    if isinstance(over, Disruption):
        # As it is recorded: what follows is charged from there on.
        end = _whole_second(end)
    return math.ceil(sum((_held(holding, since, end) for holding in view.holdings), Fraction()))


def _held(holding: Holding, since: datetime | None, end: datetime) -> Fraction:
    begun = holding.since if since is None else max(holding.since, since)
    return holding.gpus * _seconds(begun, min(holding.until or end, end))


def _seconds(since: datetime, until: datetime) -> Fraction:
    return Fraction(max(until - since, timedelta()) // timedelta(microseconds=1), 10**6)


def _settled_until(trial: Trial, view: AttemptView) -> datetime | None:
    """Return until when the attempt's disruptions have been charged."""
    ends = (
        _whole_second(ended.completion_time)
        for ended in trial.attempts
        if ended.disrupted and ended.number == view.number and ended.completion_time is not None
    )
    return max(ends, default=None)


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _final(spec: SearchSpec, trial: Trial, ending: Ending) -> Trial:
    metrics = ending.report.metrics if ending.report is not None else {}
    if ending.verdict is Verdict.INFEASIBLE:
        return replace(
            trial, state=TrialState.INFEASIBLE, reason=ending.reason, message=_cut(ending.message), metrics=metrics
        )
    if ending.verdict is not Verdict.REPORTED or ending.report is None:
        return replace(trial, state=TrialState.FAILED, reason=ending.reason, message=_cut(ending.message))
    evaluation = evaluate(spec.objectives, ending.report)
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


def _with_disruptions(spec: SearchSpec, trial: Trial, view: AttemptView) -> Trial:
    for disruption in view.disruptions:
        if _is_new(trial, view, disruption):
            attempt = EndedAttempt(
                number=view.number,
                reason=disruption.reason,
                message=_cut(disruption.message),
                pod=disruption.pod,
                node=disruption.node,
                start_time=disruption.start_time,
                completion_time=disruption.end_time,
                disrupted=True,
            )
            trial = replace(
                trial,
                attempts=(*trial.attempts, attempt)[-MAX_ATTEMPTS:],
                disruptions=trial.disruptions + 1,
                start_time=trial.start_time or disruption.start_time,
                gpu_seconds=trial.gpu_seconds + gpu_seconds(spec, trial, view, disruption),
            )
    return trial


def _is_new(trial: Trial, view: AttemptView, disruption: Disruption) -> bool:
    if any(attempt.pod == disruption.pod or attempt.pod in disruption.others for attempt in trial.attempts):
        return False
    settled = _settled_until(trial, view)
    if view.holdings and settled is not None and _whole_second(disruption.end_time) <= settled:
        # Of several pods that were lost together, the one that gave it its name may be gone.
        return False
    # A full list has dropped its oldest entries, whose pods may still exist; pods end one after the other.
    oldest = trial.attempts[0].completion_time if len(trial.attempts) == MAX_ATTEMPTS else None
    return oldest is None or _whole_second(disruption.end_time) > oldest


def _with_end(spec: SearchSpec, trial: Trial, view: AttemptView, reason: str, message: str) -> Trial:
    attempt = EndedAttempt(
        number=view.number,
        reason=reason,
        message=_cut(message),
        pod=view.pod,
        node=view.node,
        start_time=view.start_time,
        completion_time=view.end_time,
    )
    return replace(
        trial,
        attempts=(*trial.attempts, attempt)[-MAX_ATTEMPTS:],
        start_time=trial.start_time or view.start_time,
        completion_time=view.end_time,
        gpu_seconds=trial.gpu_seconds + gpu_seconds(spec, trial, view, view),
    )


def _cut(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 1]}…"
