"""From a Job and its pods to the view of an attempt that ``plan`` decides on. Pure.

The end of the trial's container is what counts, as soon as it is seen: a successful Job is complete only seconds later.
A failed attempt ends with its Job, since the Job says whether it was the candidate or a disruption.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from evonas.cluster.records import ContainerState, JobRecord, PodRecord
from evonas.search.attempt import AttemptPhase, AttemptView, Ending, Verdict
from evonas.search.exits import TIMEOUT_REASON, judge_exit, judge_timeout
from evonas.search.names import INFEASIBLE_EXIT_CODE
from evonas.search.report import Report, read_report
from evonas.spec import TrialSpec

_IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff"})
_HOPELESS = frozenset({"ErrImageNeverPull", "InvalidImageName"})
"""Reasons for waiting that no amount of waiting mends."""
MAX_HINT = 200


def view_attempt(trial: TrialSpec, job: JobRecord, pods: Iterable[PodRecord], now: datetime) -> AttemptView:
    """Return the attempt as its Job and pods show it now."""
    pod = max(pods, key=lambda item: (item.created, item.name), default=None)
    state = None if pod is None else pod.containers.get(trial.container)
    if pod is not None and state is not None and state.exit_code is not None:
        ending = _container_ended(trial, job, pod, state)
        if ending is not None:
            return _ended(job, pod, state, ending, state.finished or now)
    if job.is_finished:
        return _ended(job, pod, state, _job_ended(trial, job, pod), job.ended or now)
    if pod is None:
        reason, message = ("Suspended", _suspended(job)) if job.suspended else ("JobPending", "the Job has no pod yet")
        return AttemptView(job.attempt, AttemptPhase.QUEUED, reason, message)
    if state is not None and state.exit_code is not None and pod.disrupted is not None:
        return AttemptView(job.attempt, AttemptPhase.QUEUED, "Disrupted", pod.disrupted)
    if state is not None and state.started is not None:
        return AttemptView(job.attempt, AttemptPhase.RUNNING, node=pod.node, start_time=state.started)
    return _waiting(trial, job, pod, state, now)


def _suspended(job: JobRecord) -> str:
    return f"waits for admission by queue {job.queue}" if job.queue else "the Job is suspended"


def _container_ended(trial: TrialSpec, job: JobRecord, pod: PodRecord, state: ContainerState) -> Ending | None:
    """Judge the end of the trial's container; None where the Job must say more first."""
    assert state.exit_code is not None
    report = read_report(pod.annotations, state.message)
    if state.exit_code in (0, INFEASIBLE_EXIT_CODE):
        return judge_exit(state.exit_code, report)
    if not job.failed or pod.disrupted is not None:
        return None
    if job.reason == TIMEOUT_REASON:
        return judge_timeout(trial.timeout_seconds)
    lines = state.message.strip().splitlines()
    return judge_exit(state.exit_code, report, reason=state.reason, hint=lines[-1][-MAX_HINT:] if lines else "")


def _job_ended(trial: TrialSpec, job: JobRecord, pod: PodRecord | None) -> Ending:
    """Judge a finished Job whose container's end was never seen."""
    if job.complete:
        message = "the Job is complete, but its pod was gone before its result was read"
        return Ending(Verdict.BROKEN, "ResultMissing", message)
    if job.reason == TIMEOUT_REASON:
        return judge_timeout(trial.timeout_seconds)
    if job.reason == "PodFailurePolicy":
        return judge_exit(INFEASIBLE_EXIT_CODE, Report())
    said = (pod.message or pod.reason) if pod is not None else ""
    reason = (pod.reason if pod is not None else "") or job.reason or "JobFailed"
    return Ending(Verdict.BROKEN, reason, said or job.message)


def _waiting(
    trial: TrialSpec, job: JobRecord, pod: PodRecord, state: ContainerState | None, now: datetime
) -> AttemptView:
    if pod.scheduled is None:
        reason = "PodPending" if pod.unschedulable is None else "Unschedulable"
        return AttemptView(job.attempt, AttemptPhase.QUEUED, reason, pod.unschedulable or "the pod has no node yet")
    reason, message = ("ContainerCreating", "") if state is None else (state.waiting or "", state.message)
    deadline = pod.scheduled + timedelta(seconds=trial.start_timeout_seconds)
    if reason in _HOPELESS or now >= deadline:
        waited = f"the container did not start within startTimeoutSeconds ({trial.start_timeout_seconds})"
        said = message if reason in _HOPELESS else f"{waited}: {reason}: {message}"
        ending = Ending(
            Verdict.BROKEN, "ImagePullFailed" if reason in _IMAGE_REASONS | _HOPELESS else "StartFailed", said
        )
        return AttemptView(job.attempt, AttemptPhase.ENDED, node=pod.node, end_time=now, ending=ending, must_stop=True)
    return AttemptView(
        job.attempt,
        AttemptPhase.QUEUED,
        reason,
        message or "the container is being created",
        pod.node,
        deadline=deadline,
    )


def _ended(
    job: JobRecord, pod: PodRecord | None, state: ContainerState | None, ending: Ending, end_time: datetime
) -> AttemptView:
    return AttemptView(
        number=job.attempt,
        phase=AttemptPhase.ENDED,
        node=None if pod is None else pod.node,
        start_time=None if state is None else state.started,
        end_time=end_time,
        ending=ending,
        holds_resources=not job.is_finished,
    )
