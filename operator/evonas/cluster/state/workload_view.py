"""From a workload and its pods to the view of an attempt that ``plan`` decides on. Pure.

The attempt runs once all pods run, and its time begins then. As with a single pod, the end of the container that
reports counts as soon as it is seen; otherwise the engine says how the workload ended, since only it knows what it will
start again. Where no container is the training (Ray's driver), the engine also says when it began, and ends it: the
pods go on until the workload is released.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from evonas.cluster.state.companions import last_words
from evonas.cluster.state.crowd import Crowd, gather, holdings_of, telling_pods
from evonas.cluster.state.disruptions import POD_DELETED, disruptions_of, follows
from evonas.cluster.state.endings import (
    HOPELESS,
    container_ended,
    is_to_be_read,
    never_started,
    report_of,
    why_not_started,
)
from evonas.cluster.state.job_view import NOTHING_READ
from evonas.cluster.state.member import Member, is_own
from evonas.cluster.state.readings import NOT_READ, Reading
from evonas.cluster.state.records import ContainerState, PodRecord, WorkloadRecord
from evonas.cluster.state.succession import latest
from evonas.search.attempt import AttemptPhase, AttemptView, Ending, QueuedReason, Verdict
from evonas.search.exits import TIMEOUT_REASON, judge_exit, judge_timeout
from evonas.search.names import INFEASIBLE_EXIT_CODE
from evonas.search.trial import EndedAttempt
from evonas.search.trial_report import Report
from evonas.spec import TrialSpec

_NO_STATE = ContainerState()


def view_workload(
    trial: TrialSpec,
    record: WorkloadRecord,
    pods: Iterable[PodRecord],
    now: datetime,
    readings: Mapping[str, Reading] = NOTHING_READ,
    told: Sequence[EndedAttempt] = (),
) -> AttemptView:
    """Return the attempt as its workload and pods currently show it, and ``readings`` of the pods' output, by UID.

    ``told`` is what is on record of the trial's attempts: an operator that has started since knows no pod that is gone.
    """
    known = list(pods)
    crowd = gather(trial, record, known, now)
    if _trains_in_container(trial):
        reporter = crowd.reporter
        reading = NOT_READ if reporter is None else readings.get(reporter.pod.uid, NOT_READ)
        view = _view(trial, record, crowd, now, reading)
    else:
        view = _view_by_record(trial, record, crowd, known, now, readings)
    if record.failed and view.ending is not None and view.ending.verdict is Verdict.BROKEN:
        cause = _cause(trial, record, crowd, told)
        view = view if cause is None else _made_again(record, crowd, cause)
    lives = any(not (pod.gone or pod.is_terminal) for pod in known)
    return replace(
        view,
        holdings=holdings_of(trial, crowd.members, now),
        disruptions=disruptions_of(record, crowd, now, told),
        holds_resources=not record.is_finished or lives,
        outlasts=lives and record.is_finished and not _trains_in_container(trial),
    )


def _trains_in_container(trial: TrialSpec) -> bool:
    assert trial.workload is not None
    return trial.workload.kind.trains_in_container


def _view(trial: TrialSpec, record: WorkloadRecord, crowd: Crowd, now: datetime, reading: Reading) -> AttemptView:
    reporter = crowd.reporter
    if reporter is not None and is_to_be_read(trial, reporter.pod, trial.container) and not reading.is_whole:
        # It has ended well, and its result is in its output.
        return _attempt(record, crowd, AttemptPhase.RUNNING)
    if reporter is not None and reporter.state is not None and reporter.state.exit_code in (0, INFEASIBLE_EXIT_CODE):
        ending = container_ended(trial, record, reporter.pod, reporter.state, reading)
        if ending is not None:
            return _ended(record, crowd, ending, reporter.state.finished or now)
    infeasible = crowd.infeasible
    if infeasible is not None and infeasible.state is not None:
        ended = _ended(record, crowd, _failed(crowd, infeasible, infeasible.state), infeasible.end(now))
        return replace(ended, must_stop=not record.is_finished)
    if record.is_finished:
        return _ended(record, crowd, _workload_ended(trial, record, crowd, reading), record.ended or now)
    if crowd.all_run:
        return _running(trial, record, crowd, now)
    return _waiting(trial, record, crowd, now)


def _view_by_record(
    trial: TrialSpec,
    record: WorkloadRecord,
    crowd: Crowd,
    pods: Iterable[PodRecord],
    now: datetime,
    readings: Mapping[str, Reading],
) -> AttemptView:
    """View an attempt whose training is no container's."""
    assert trial.workload is not None
    kind = trial.workload.kind
    printer, container = latest(each for each in telling_pods(trial, pods) if is_own(kind, record, each[0]))
    reading = NOT_READ if printer is None else readings.get(printer.uid, NOT_READ)
    unread = printer is not None and is_to_be_read(trial, printer, container) and not reading.is_whole
    if record.complete and unread:
        return _attempt(record, crowd, AttemptPhase.RUNNING)
    if record.is_finished:
        return _ended(record, crowd, _training_ended(trial, record, crowd, reading), record.ended or now)
    if crowd.all_run and record.begun is not None:
        return _running(trial, record, crowd, now)
    return _waiting(trial, record, crowd, now)


def _training_ended(trial: TrialSpec, record: WorkloadRecord, crowd: Crowd, reading: Reading) -> Ending:
    """Judge a training by what the engine says of its end, and by what the pod that reports has said before."""
    report = Report() if crowd.reporter is None else report_of(crowd.reporter.pod, _NO_STATE)
    missing = crowd.reporter is None
    if trial.report is not None and record.complete:
        if reading.lost:
            return Ending(Verdict.BROKEN, "OutputLost", reading.lost)
        report, missing = reading.report or Report(), reading.report is None
    if report.infeasible is not None:
        return judge_exit(INFEASIBLE_EXIT_CODE, report)
    if record.complete and missing:
        message = f"the {record.noun} is complete, but the pod with its result was gone before that was read"
        return Ending(Verdict.BROKEN, "ResultMissing", message)
    if record.complete:
        return judge_exit(0, report)
    if record.exit_code is not None:
        return judge_exit(record.exit_code, report, hint=last_words(record.message))
    # The engine's own limit counts from the beginning of everything: it may have passed before the training began.
    in_vain = record.reason == TIMEOUT_REASON and record.begun is not None
    return Ending(Verdict.USELESS if in_vain else Verdict.BROKEN, record.reason or "WorkloadFailed", record.message)


def _workload_ended(trial: TrialSpec, record: WorkloadRecord, crowd: Crowd, reading: Reading) -> Ending:
    """Judge a finished workload whose reporting container does not show how it ended."""
    reporter = crowd.reporter
    report = Report() if reporter is None else report_of(reporter.pod, reporter.state or _NO_STATE)
    if trial.report is not None:
        report = reading.report or Report()
    if record.complete:
        if report != Report():
            return judge_exit(INFEASIBLE_EXIT_CODE if report.infeasible else 0, report)
        message = f"the {record.noun} is complete, but the pod that reports has left no result"
        return Ending(Verdict.BROKEN, "ResultMissing", message)
    late = next((member.pod for member in crowd.members if member.pod.reason == TIMEOUT_REASON), None)
    if late is not None or record.reason == TIMEOUT_REASON:
        what = f"the {record.noun}" if late is None else f"pod {late.name}"
        said = f"{what} took longer than its own activeDeadlineSeconds"
        return Ending(Verdict.USELESS, TIMEOUT_REASON, f"{said}: {record.message}" if record.message else said)
    failed = crowd.first_failed
    if failed is None or failed.state is None or failed.state.exit_code is None:
        return Ending(Verdict.BROKEN, record.reason or "WorkloadFailed", record.message)
    if failed.was_ended:
        return Ending(Verdict.BROKEN, POD_DELETED, f"somebody deleted the pod {failed.pod.name}")
    return _failed(crowd, failed, failed.state)


def _cause(trial: TrialSpec, record: WorkloadRecord, crowd: Crowd, told: Sequence[EndedAttempt]) -> str | None:
    """Say which disruption ended a workload that has failed; None if it has failed otherwise."""
    failed = crowd.failed_by_itself
    causes = [(each.pod.name, each.pod.disrupted) for each in crowd.disrupted if _is_cause(trial, record, each, failed)]
    if _trains_in_container(trial) and failed is not None:
        causes += [(one.pod or "", one.reason) for one in told if follows(failed, one, record)]
    return next((f"pod {pod} was lost ({reason})" for pod, reason in causes), None)


def _is_cause(trial: TrialSpec, record: WorkloadRecord, disrupted: Member, failed: Member | None) -> bool:
    """Say whether a workload may have failed because of a pod's disruption: because ``failed`` did, if any failed by
    itself, or because the training, where it is no container's, ran in that pod.
    """
    assert trial.workload is not None
    if _trains_in_container(trial):
        return failed is None or failed.failed_by(disrupted)
    began, lost = record.begun, disrupted.pod.disrupted_at
    return trial.workload.reports(disrupted.place) and began is not None and lost is not None and began <= lost


def _made_again(record: WorkloadRecord, crowd: Crowd, cause: str) -> AttemptView:
    """View a workload that failed because a pod was disrupted. That says nothing about the candidate: the workload is
    deleted, and made again under the same attempt, as a Job makes a single pod again.
    """
    view = _attempt(record, crowd, AttemptPhase.QUEUED)
    said = f"its {record.noun} failed when {cause}, and is made again"
    return replace(view, reason=QueuedReason.DISRUPTED, message=said, must_stop=True)


def _failed(crowd: Crowd, member: Member, state: ContainerState) -> Ending:
    """Judge a workload by a container that did not end well."""
    assert state.exit_code is not None
    said = report_of(member.pod, state)
    ending = judge_exit(state.exit_code, said, reason=state.reason, hint=last_words(state.message))
    return ending if member is crowd.reporter else replace(ending, message=f"pod {member.pod.name}: {ending.message}")


def _running(trial: TrialSpec, record: WorkloadRecord, crowd: Crowd, now: datetime) -> AttemptView:
    started = max(crowd.starts if record.begun is None else [*crowd.starts, record.begun])
    deadline = started + timedelta(seconds=trial.attempt_seconds)
    if now >= deadline:
        return replace(_ended(record, crowd, judge_timeout(trial), deadline), must_stop=True)
    view = _attempt(record, crowd, AttemptPhase.RUNNING)
    return replace(view, start_time=started, deadline=deadline)


def _waiting(trial: TrialSpec, record: WorkloadRecord, crowd: Crowd, now: datetime) -> AttemptView:
    """View a workload of which not all pods run: why the first of the others does not, and for how long it may not."""
    reason, why, said = _hindrance(record, crowd)
    lacks_pods = len(crowd.current) < crowd.expected
    view = _attempt(record, crowd, AttemptPhase.QUEUED)
    view = replace(view, reason=reason, message=_counted(crowd, said), lacks_pods=lacks_pods)
    since = _partial_since(crowd, now)
    if since is None:
        return view
    deadline = since + timedelta(seconds=trial.start_timeout_seconds)
    if why in HOPELESS or now >= deadline:
        ending = never_started(trial, why, _counted(crowd, said))
        return replace(_ended(record, crowd, ending, min(now, deadline)), must_stop=True)
    return replace(view, deadline=deadline)


def _partial_since(crowd: Crowd, now: datetime) -> datetime | None:
    """Return since when pods hold their resources while others are missing; None if none does.

    A pod that was lost, or does not run any more, makes it begin again.
    """
    if crowd.held_since is None:
        return None
    lost = [member.end(now) for loss in crowd.lost for member in loss if member.is_own]
    stopped = [member.stopped for member in crowd.current if member.stopped is not None]
    return max([crowd.held_since, *lost, *stopped])


def _hindrance(record: WorkloadRecord, crowd: Crowd) -> tuple[QueuedReason, str, str]:
    """Return why not all pods run: the reason, the runtime's word for it, and a message."""
    if record.suspended and not crowd.current:
        return QueuedReason.QUEUED, "", record.suspension
    waiting = [member for member in crowd.current if not member.runs]
    for found in (_failure(record, waiting), _hindered_start(waiting), _unscheduled(waiting)):
        if found is not None:
            return found
    if crowd.all_run:
        about = QueuedReason.STARTING, "", f"its {record.noun} is about to start its program"
        return _hindered_helper(crowd) or about
    if crowd.lost:
        return QueuedReason.DISRUPTED, "", "a pod that was lost is being replaced"
    said = "its pods are being started" if crowd.current else record.message or f"its {record.noun} has no pod yet"
    return QueuedReason.STARTING, "", said


def _failure(record: WorkloadRecord, waiting: Iterable[Member]) -> tuple[QueuedReason, str, str] | None:
    for member in waiting:
        if member.has_failed and member.state is not None:
            ended = f"pod {member.pod.name} exited with code {member.state.exit_code}"
            return QueuedReason.DISRUPTED, "", f"{ended}; its {record.noun} decides what follows"
    return None


def _hindered_start(waiting: Iterable[Member]) -> tuple[QueuedReason, str, str] | None:
    for member in waiting:
        if member.pod.scheduled is not None:
            reason, why, said = why_not_started(member.pod, member.state)
            if reason is not QueuedReason.STARTING:
                return reason, why, f"pod {member.pod.name}: {said}"
    return None


def _unscheduled(waiting: Iterable[Member]) -> tuple[QueuedReason, str, str] | None:
    for member in waiting:
        if member.pod.scheduled is None and member.pod.unschedulable is not None:
            reason = QueuedReason.QUEUED if member.pod.gated else QueuedReason.UNSCHEDULABLE
            return reason, "", f"pod {member.pod.name}: {member.pod.unschedulable}"
    return None


def _hindered_helper(crowd: Crowd) -> tuple[QueuedReason, str, str] | None:
    for pod in crowd.helpers:
        state = next(iter(pod.containers.values()), None)
        if pod.scheduled is None and pod.unschedulable is not None:
            return QueuedReason.UNSCHEDULABLE, "", f"pod {pod.name}: {pod.unschedulable}"
        if pod.scheduled is not None and (state is None or state.started is None):
            reason, why, said = why_not_started(pod, state)
            return reason, why, f"pod {pod.name}: {said}"
    return None


def _counted(crowd: Crowd, said: str) -> str:
    return f"{crowd.running} of {crowd.expected} pods run; {said}" if crowd.current else said


def _attempt(record: WorkloadRecord, crowd: Crowd, phase: AttemptPhase) -> AttemptView:
    shown: Member | None = crowd.reporter
    return AttemptView(
        record.attempt,
        phase,
        pod=None if shown is None else shown.pod.name,
        node=None if shown is None else shown.pod.node,
        held_since=crowd.held_since,
    )


def _ended(record: WorkloadRecord, crowd: Crowd, ending: Ending, end_time: datetime) -> AttemptView:
    view = _attempt(record, crowd, AttemptPhase.ENDED)
    return replace(view, start_time=max(crowd.starts, default=None), end_time=end_time, ending=ending)
