"""How a container of a trial's pod ended, and why one does not start: what the views of a Job and of a workload share.

Pure.
"""

from __future__ import annotations

from datetime import datetime

from evonas.cluster.state.companions import PASSING, find_hindrance, last_words
from evonas.cluster.state.readings import Reading
from evonas.cluster.state.records import ContainerState, PodRecord, WorkloadRecord
from evonas.search.attempt import Ending, QueuedReason, Verdict
from evonas.search.exits import TIMEOUT_REASON, judge_exit
from evonas.search.names import INFEASIBLE_EXIT_CODE
from evonas.search.trial_report import Report, read_report
from evonas.spec import TrialSpec

IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable"})
HOPELESS = frozenset({"ErrImageNeverPull", "InvalidImageName"})
"""Reasons for waiting that waiting does not cure."""


def end_of(pod: PodRecord, container: str, now: datetime) -> datetime:
    """Return when a container that is over had ended, as exactly as it is known: the same whenever that is asked once
    its pod is over. A node that has lost a container does not tell its end.
    """
    state = pod.containers.get(container)
    if state is not None and state.finished is not None:
        return state.finished
    # A deletion's timestamp is the end of its grace period, which may not be used up.
    known = (pod.deletion, pod.gone_at, pod.terminated)
    return min([now, *(moment for moment in known if moment is not None)])


def has_result(trial: TrialSpec, pod: PodRecord) -> bool:
    """Say whether the pod had reported before it was ended from outside: its exit code after SIGTERM means nothing."""
    state = pod.containers.get(trial.container)
    if state is None or state.exit_code is None:
        return False
    report = report_of(pod, state)
    if state.exit_code == INFEASIBLE_EXIT_CODE:
        # Its termination message may be just the end of its log.
        return report.infeasible is not None
    return trial.report is None and state.exit_code == 0 and report != Report()


def is_infeasible(pod: PodRecord, state: ContainerState) -> bool:
    """Say whether a container has ended with the exit code of an infeasible candidate, and by itself."""
    # If it was ended from outside, its termination message may be just the end of its log.
    return state.exit_code == INFEASIBLE_EXIT_CODE and (
        pod.disrupted is None or report_of(pod, state).infeasible is not None
    )


def report_of(pod: PodRecord, state: ContainerState) -> Report:
    """Return what a pod has reported: by its annotations, or as its container's last message."""
    return read_report(pod.annotations, state.message, pod.message_limit)


def is_to_be_read(trial: TrialSpec, pod: PodRecord, container: str) -> bool:
    """Say whether the result is in the output of a pod's container: it has ended by itself, and well."""
    state = pod.containers.get(container)
    ended_well = state is not None and state.exit_code == 0
    return trial.report is not None and ended_well and not pod.is_deleted and pod.disrupted is None


def container_ended(
    trial: TrialSpec, job: WorkloadRecord, pod: PodRecord, state: ContainerState, reading: Reading
) -> Ending | None:
    """Judge the end of the trial's container; None if that must wait for the Job."""
    assert state.exit_code is not None
    report = report_of(pod, state)
    if trial.report is not None and state.exit_code == 0:
        if reading.lost:
            return Ending(Verdict.BROKEN, "OutputLost", reading.lost)
        report = (
            Report() if reading.report is None or not is_to_be_read(trial, pod, trial.container) else reading.report
        )
    silent = state.exit_code == 0 and report == Report()
    if state.exit_code in (0, INFEASIBLE_EXIT_CODE) and not (silent and pod.is_deleted):
        return judge_exit(state.exit_code, report)
    if not job.failed or pod.is_deleted or TIMEOUT_REASON in (pod.reason, job.reason):
        return None
    return judge_exit(state.exit_code, report, reason=state.reason, hint=last_words(state.message))


def why_not_started(pod: PodRecord, state: ContainerState | None) -> tuple[QueuedReason, str, str]:
    """Return why a scheduled pod's container has not started: the reason, the runtime's word for it, and a message."""
    why, message = ("", "") if state is None else (state.waiting or "", state.message)
    said = f"{why}: {message}" if message else why or "its container is being created"
    if (hindrance := find_hindrance(pod)) is not None:
        why, said = hindrance
    if why in IMAGE:
        return QueuedReason.IMAGE_PULL, why, said
    return QueuedReason.STARTING if why in PASSING else QueuedReason.CONTAINER_CONFIG, why, said


def never_started(trial: TrialSpec, why: str, said: str) -> Ending:
    """Return how an attempt ended whose container could not start in time, or never will."""
    if why not in HOPELESS:
        said = f"the container did not start within startTimeoutSeconds ({trial.start_timeout_seconds}): {said}"
    return Ending(Verdict.BROKEN, "ImagePullFailed" if why in IMAGE | HOPELESS else "StartFailed", said)
