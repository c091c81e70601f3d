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

from evonas.cluster.state.companions import PASSING, find_failure, find_hindrance, last_words
from evonas.cluster.state.readings import NOT_READ, Reading
from evonas.cluster.state.records import ContainerState, JobRecord, PodRecord
from evonas.search.attempt import AttemptPhase, AttemptView, Disruption, Ending, QueuedReason, Verdict
from evonas.search.exits import TIMEOUT_REASON, judge_exit, judge_timeout
from evonas.search.names import INFEASIBLE_EXIT_CODE
from evonas.search.trial_report import Report, read_report
from evonas.spec import TrialSpec

_TICK = timedelta(seconds=1)
"""Kubernetes records times in whole seconds."""
_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable"})
_HOPELESS = frozenset({"ErrImageNeverPull", "InvalidImageName"})
"""Reasons for waiting that waiting does not cure."""
NOTHING_READ: Mapping[str, Reading] = MappingProxyType({})


def view_attempt(
    trial: TrialSpec,
    job: JobRecord,
    pods: Iterable[PodRecord],
    now: datetime,
    readings: Mapping[str, Reading] = NOTHING_READ,
) -> AttemptView:
    """Return the attempt as its Job and pods currently show it, and ``readings`` of the pods' output, by UID."""
    former = sorted(pods, key=lambda pod: (pod.created, pod.name))
    current = next((pod for pod in reversed(former) if pod.owner_uid == job.uid), None)
    if current is not None and _was_disrupted(job, current) and not _has_result(trial, current):
        current = None
    former = [pod for pod in former if pod is not current]
    reading = NOT_READ if current is None else readings.get(current.uid, NOT_READ)
    view = _view(trial, job, former, current, now, reading)
    over = (pod for pod in former if pod.is_over(trial.container))
    return replace(view, disruptions=tuple(_disruption(trial, job, pod, now) for pod in over))


def _view(
    trial: TrialSpec,
    job: JobRecord,
    former: Sequence[PodRecord],
    pod: PodRecord | None,
    now: datetime,
    reading: Reading,
) -> AttemptView:
    state = None if pod is None else pod.containers.get(trial.container)
    unread = pod is not None and is_to_be_read(trial, pod) and not reading.is_whole
    if pod is not None and state is not None and state.exit_code is not None and not unread:
        ending = _container_ended(trial, job, pod, state, reading)
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


def _was_disrupted(job: JobRecord, pod: PodRecord) -> bool:
    return pod.disrupted is not None or (job.suspended and pod.is_deleted)


def _has_result(trial: TrialSpec, pod: PodRecord) -> bool:
    """Say whether the pod had reported before it was ended from outside: its exit code after SIGTERM means nothing."""
    state = pod.containers.get(trial.container)
    if state is None or state.exit_code is None:
        return False
    report = _report(pod, state)
    if state.exit_code == INFEASIBLE_EXIT_CODE:
        # Its termination message may be just the end of its log.
        return report.infeasible is not None
    return trial.report is None and state.exit_code == 0 and report != Report()


def _report(pod: PodRecord, state: ContainerState) -> Report:
    return read_report(pod.annotations, state.message, pod.message_limit)


def is_to_be_read(trial: TrialSpec, pod: PodRecord) -> bool:
    """Say whether the result of a pod's container is in its output: it has ended by itself, and well."""
    state = pod.containers.get(trial.container)
    ended_well = state is not None and state.exit_code == 0
    return trial.report is not None and ended_well and not pod.is_deleted and pod.disrupted is None


def _container_ended(
    trial: TrialSpec, job: JobRecord, pod: PodRecord, state: ContainerState, reading: Reading
) -> Ending | None:
    """Judge the end of the trial's container; None if that must wait for the Job."""
    assert state.exit_code is not None
    report = _report(pod, state)
    if trial.report is not None and state.exit_code == 0:
        if reading.lost:
            return Ending(Verdict.BROKEN, "OutputLost", reading.lost)
        report = Report() if reading.report is None or not is_to_be_read(trial, pod) else reading.report
    silent = state.exit_code == 0 and report == Report()
    if state.exit_code in (0, INFEASIBLE_EXIT_CODE) and not (silent and pod.is_deleted):
        return judge_exit(state.exit_code, report)
    if not job.failed or pod.is_deleted or TIMEOUT_REASON in (pod.reason, job.reason):
        return None
    return judge_exit(state.exit_code, report, reason=state.reason, hint=last_words(state.message))


def _job_ended(trial: TrialSpec, job: JobRecord, pod: PodRecord | None) -> Ending:
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


def _cause(trial: TrialSpec, job: JobRecord, pod: PodRecord | None) -> tuple[str, str]:
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


def _lingering(trial: TrialSpec, job: JobRecord, pod: PodRecord, state: ContainerState, now: datetime) -> AttemptView:
    """View an attempt whose container has failed while others in its pod still run, such as a sidecar."""
    assert state.exit_code is not None
    finished = state.finished or now
    if now >= finished + trial.exit_grace:
        report = _report(pod, state)
        ending = judge_exit(state.exit_code, report, reason=state.reason, hint="other containers kept running")
        return replace(_ended(job, pod, state, ending, finished), must_stop=True)
    return replace(_running(job, pod, state), deadline=finished + trial.exit_grace)


def _running(job: JobRecord, pod: PodRecord, state: ContainerState) -> AttemptView:
    return AttemptView(
        job.attempt,
        AttemptPhase.RUNNING,
        pod=pod.name,
        node=pod.node,
        held_since=pod.scheduled or state.started,
        start_time=state.started,
    )


def _without_pod(job: JobRecord, former: Sequence[PodRecord], deleted: PodRecord | None) -> AttemptView:
    if deleted is not None:
        reason, message = QueuedReason.STOPPING, "its pod was deleted; its Job has not yet shown what comes next"
    elif job.suspended:
        said = f"waits for admission by queue {job.queue}" if job.queue else "its Job is suspended"
        reason, message = QueuedReason.QUEUED, said
    elif former and former[-1].owner_uid == job.uid:
        reason, message = QueuedReason.DISRUPTED, former[-1].disruption_message or "its pod is being replaced"
    else:
        reason, message = QueuedReason.STARTING, "its Job has no pod yet"
    return AttemptView(job.attempt, AttemptPhase.QUEUED, reason, message)


def _waiting(
    trial: TrialSpec, job: JobRecord, pod: PodRecord, state: ContainerState | None, now: datetime
) -> AttemptView:
    view = AttemptView(job.attempt, AttemptPhase.QUEUED, QueuedReason.STARTING, pod=pod.name, node=pod.node)
    if pod.scheduled is None:
        if pod.unschedulable is None:
            return replace(view, message="its pod is not scheduled yet")
        reason = QueuedReason.QUEUED if pod.gated else QueuedReason.UNSCHEDULABLE
        return replace(view, reason=reason, message=pod.unschedulable)
    why, message = ("", "") if state is None else (state.waiting or "", state.message)
    said = f"{why}: {message}" if message else why or "its container is being created"
    if (hindrance := find_hindrance(pod)) is not None:
        why, said = hindrance
    deadline = pod.scheduled + timedelta(seconds=trial.start_timeout_seconds)
    if why in _HOPELESS or now >= deadline:
        if why not in _HOPELESS:
            said = f"the container did not start within startTimeoutSeconds ({trial.start_timeout_seconds}): {said}"
        ending = Ending(Verdict.BROKEN, "ImagePullFailed" if why in _IMAGE | _HOPELESS else "StartFailed", said)
        return replace(_ended(job, pod, None, ending, now), must_stop=True)
    if why in _IMAGE:
        view = replace(view, reason=QueuedReason.IMAGE_PULL)
    elif why not in PASSING:
        view = replace(view, reason=QueuedReason.CONTAINER_CONFIG)
    return replace(view, message=said, held_since=pod.scheduled, deadline=deadline)


def _ended(
    job: JobRecord, pod: PodRecord | None, state: ContainerState | None, ending: Ending, end_time: datetime
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


def _disruption(trial: TrialSpec, job: JobRecord, pod: PodRecord, now: datetime) -> Disruption:
    state = pod.containers.get(trial.container)
    # A deletion's timestamp is the end of its grace period, which may not be used up.
    end_time = (state and state.finished) or min(pod.deletion or now, now)
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
        end_time=end_time,
    )
