"""From a Job and its pods to the view of an attempt that ``plan`` decides on. Pure.

The end of the trial's container counts as soon as it is seen: a successful Job completes only seconds later. A failed
attempt ends with its Job, since the Job tells the candidate's failure from a disruption. A Job replaces a disrupted
pod, and a Job suspended by a queue loses its pod and gets another later: the attempt continues, and its former pods are
shown as disruptions.

Where a result is read in the container's output, an attempt that ended well goes on until that was read to its end. Of
a pod that was ended from outside it is never the result: what a program prints last before its time is no end of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from evonas.cluster.state.companions import find_failure
from evonas.cluster.state.endings import (
    HOPELESS,
    container_ended,
    end_of,
    has_result,
    is_to_be_read,
    never_started,
    report_of,
    why_not_started,
)
from evonas.cluster.state.readings import NOT_READ, Reading
from evonas.cluster.state.records import ContainerState, PodRecord, WorkloadRecord
from evonas.cluster.state.succession import succession_of
from evonas.search.attempt import AttemptPhase, AttemptView, Disruption, Ending, QueuedReason, Verdict
from evonas.search.exits import TIMEOUT_REASON, judge_exit, judge_timeout
from evonas.search.names import INFEASIBLE_EXIT_CODE
from evonas.search.trial_report import Report
from evonas.spec import TrialSpec

_TICK = timedelta(seconds=1)
"""Kubernetes records times in whole seconds."""
NOTHING_READ: Mapping[str, Reading] = MappingProxyType({})


def view_attempt(
    trial: TrialSpec,
    job: WorkloadRecord,
    pods: Iterable[PodRecord],
    now: datetime,
    readings: Mapping[str, Reading] = NOTHING_READ,
) -> AttemptView:
    """Return the attempt as its Job and pods currently show it, and ``readings`` of the pods' output, by UID."""
    former = sorted(pods, key=lambda pod: succession_of(pod, trial.container))
    current = next((pod for pod in reversed(former) if pod.owner_uid == job.uid), None)
    if current is not None and _was_disrupted(job, current) and not has_result(trial, current):
        current = None
    former = [pod for pod in former if pod is not current]
    reading = NOT_READ if current is None else readings.get(current.uid, NOT_READ)
    view = _view(trial, job, former, current, now, reading)
    over = (pod for pod in former if pod.is_over(trial.container))
    return replace(view, disruptions=tuple(_disruption(trial, job, pod, now) for pod in over))


def _view(
    trial: TrialSpec,
    job: WorkloadRecord,
    former: Sequence[PodRecord],
    pod: PodRecord | None,
    now: datetime,
    reading: Reading,
) -> AttemptView:
    state = None if pod is None else pod.containers.get(trial.container)
    unread = pod is not None and is_to_be_read(trial, pod, trial.container) and not reading.is_whole
    if pod is not None and state is not None and state.exit_code is not None and not unread:
        ending = container_ended(trial, job, pod, state, reading)
        if ending is not None:
            return _ended(job, pod, state, ending, state.finished or now)
        if _others_linger(pod) and not job.is_finished:
            return _lingering(trial, job, pod, state, now)
    if job.is_finished and not unread:
        return _ended(job, pod, state, _job_ended(trial, job, pod), job.ended or now)
    if pod is None or pod.gone:
        return _without_pod(job, former, pod)
    if state is not None and state.started is not None:
        return _running(job, pod, state)
    return _waiting(trial, job, pod, state, now)


def _was_disrupted(job: WorkloadRecord, pod: PodRecord) -> bool:
    return pod.disrupted is not None or (job.suspended and pod.is_deleted)


def _job_ended(trial: TrialSpec, job: WorkloadRecord, pod: PodRecord | None) -> Ending:
    """Judge a finished Job whose container does not show how it ended."""
    if job.complete:
        message = "the Job is complete, but its pod was gone before its result was read"
        return Ending(Verdict.BROKEN, "ResultMissing", message)
    if TIMEOUT_REASON in (job.reason, None if pod is None else pod.reason):
        return judge_timeout(trial, job.pod_seconds, "" if pod is None else _delay(trial, pod))
    if job.reason == "PodFailurePolicy":
        return judge_exit(INFEASIBLE_EXIT_CODE, Report())
    reason, message = _cause(trial, job, pod)
    return Ending(Verdict.BROKEN, reason, message)


def _cause(trial: TrialSpec, job: WorkloadRecord, pod: PodRecord | None) -> tuple[str, str]:
    """Return why a Job failed through no fault of its container: a reason and a message."""
    unknown = job.reason or "JobFailed", job.message
    if pod is None:
        return unknown
    if pod.is_deleted:
        return "PodDeleted", f"somebody deleted the pod {pod.name}"
    if pod.reason:
        return pod.reason, pod.message
    return find_failure(pod, trial.container) or unknown


def _delay(trial: TrialSpec, pod: PodRecord) -> str:
    """Return what other than the trial's own container may have made it take too long."""
    state = pod.containers.get(trial.container)
    if state is None or state.started is None:
        return "its container never started"
    # Containers that failed as the pod was ended failed because of that.
    end = state.finished
    failed = None if end is None else find_failure(pod, trial.container, end - trial.exit_grace - _TICK)
    return "" if failed is None else failed[1]


def _others_linger(pod: PodRecord) -> bool:
    return not pod.is_deleted and not pod.is_terminal


def _lingering(
    trial: TrialSpec, job: WorkloadRecord, pod: PodRecord, state: ContainerState, now: datetime
) -> AttemptView:
    """View an attempt whose container has failed while others in its pod still run, such as a sidecar."""
    assert state.exit_code is not None
    finished = state.finished or now
    if now >= finished + trial.exit_grace:
        report = report_of(pod, state)
        ending = judge_exit(state.exit_code, report, reason=state.reason, hint="other containers kept running")
        return replace(_ended(job, pod, state, ending, finished), must_stop=True)
    return replace(_running(job, pod, state), deadline=finished + trial.exit_grace)


def _running(job: WorkloadRecord, pod: PodRecord, state: ContainerState) -> AttemptView:
    return AttemptView(
        job.attempt,
        AttemptPhase.RUNNING,
        pod=pod.name,
        node=pod.node,
        held_since=pod.scheduled or state.started,
        start_time=state.started,
    )


def _without_pod(job: WorkloadRecord, former: Sequence[PodRecord], deleted: PodRecord | None) -> AttemptView:
    if deleted is not None:
        reason, message = QueuedReason.STOPPING, "its pod was deleted; its Job has not yet shown what comes next"
    elif job.suspended:
        reason, message = QueuedReason.QUEUED, job.suspension
    elif former and former[-1].owner_uid == job.uid:
        reason, message = QueuedReason.DISRUPTED, former[-1].disruption_message or "its pod is being replaced"
    else:
        reason, message = QueuedReason.STARTING, "its Job has no pod yet"
    return AttemptView(job.attempt, AttemptPhase.QUEUED, reason, message, lacks_pods=True)


def _waiting(
    trial: TrialSpec, job: WorkloadRecord, pod: PodRecord, state: ContainerState | None, now: datetime
) -> AttemptView:
    view = AttemptView(job.attempt, AttemptPhase.QUEUED, QueuedReason.STARTING, pod=pod.name, node=pod.node)
    if pod.scheduled is None:
        if pod.unschedulable is None:
            return replace(view, message="its pod is not scheduled yet")
        reason = QueuedReason.QUEUED if pod.gated else QueuedReason.UNSCHEDULABLE
        return replace(view, reason=reason, message=pod.unschedulable)
    reason, why, said = why_not_started(pod, state)
    deadline = pod.scheduled + timedelta(seconds=trial.start_timeout_seconds)
    if why in HOPELESS or now >= deadline:
        return replace(_ended(job, pod, None, never_started(trial, why, said), now), must_stop=True)
    return replace(view, reason=reason, message=said, held_since=pod.scheduled, deadline=deadline)


def _ended(
    job: WorkloadRecord, pod: PodRecord | None, state: ContainerState | None, ending: Ending, end_time: datetime
) -> AttemptView:
    start_time = None if state is None else state.started
    return AttemptView(
        number=job.attempt,
        phase=AttemptPhase.ENDED,
        pod=None if pod is None else pod.name,
        node=None if pod is None else pod.node,
        held_since=start_time if pod is None else pod.scheduled or start_time,
        start_time=start_time,
        end_time=end_time,
        ending=ending,
        holds_resources=not job.is_finished,
    )


def _disruption(trial: TrialSpec, job: WorkloadRecord, pod: PodRecord, now: datetime) -> Disruption:
    state = pod.containers.get(trial.container)
    if pod.owner_uid != job.uid:
        reason, message = "JobDeleted", "somebody deleted its Job"
    elif pod.disrupted is not None:
        reason, message = pod.disrupted, pod.disruption_message
    elif job.suspended:
        reason, message = "JobSuspended", "its Job was suspended"
    else:
        reason, message = "PodDeleted", "its pod was deleted"
    return Disruption(
        pod=pod.name,
        reason=reason,
        message=message,
        node=pod.node,
        held_since=pod.scheduled,
        start_time=None if state is None else state.started,
        end_time=end_of(pod, trial.container, now),
    )
