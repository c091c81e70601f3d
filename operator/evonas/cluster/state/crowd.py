"""The pods of a workload: which are there now, which are missing, which were lost. Pure.

An engine gives a lost pod's place to another one, or starts all of them again. Pods of earlier starts, of a workload
that somebody deleted, and those whose place another pod has taken were lost; so was a pod that was ended from outside,
as soon as that is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from evonas.cluster.state.endings import has_result
from evonas.cluster.state.records import ContainerState, PodRecord, WorkloadRecord
from evonas.search.attempt import Disruption, Holding
from evonas.spec import TrialSpec
from evonas.workloads.interface import Place, PodGroup

_TICK = timedelta(seconds=1)
"""Kubernetes records times in whole seconds."""


@dataclass(frozen=True)
class Member:
    """A pod at its place."""

    pod: PodRecord
    place: Place
    group: PodGroup
    container: str
    """The container that trains."""
    is_own: bool
    """False of a pod of a workload of the same name that somebody deleted."""

    @property
    def state(self) -> ContainerState | None:
        """The state of that container."""
        return self.pod.containers.get(self.container)

    @property
    def runs(self) -> bool:
        """Say whether its container runs, or has ended well."""
        state = self.state
        if state is None or state.started is None:
            return False
        return state.exit_code == 0 if state.exit_code is not None else not self.pod.is_deleted

    @property
    def has_failed(self) -> bool:
        """Say whether its container has ended, and not well."""
        return self.state is not None and self.state.exit_code not in (None, 0)

    def end(self, now: datetime) -> datetime:
        """Return when a pod that is over had ended."""
        state = self.state
        # A deletion's timestamp is the end of its grace period, which may not be used up.
        return (state and state.finished) or min(self.pod.deletion or now, now)


@dataclass(frozen=True)
class Crowd:
    """All pods of one attempt's workload."""

    current: tuple[Member, ...]
    """One at each place that has one, by place."""
    lost: tuple[tuple[Member, ...], ...]
    """Those that were lost, the ones lost together as one, in the order of their beginning."""
    expected: int
    reporter: Member | None
    """The pod that reports, if it is there; once the workload has ended, the last that there was."""
    helpers: tuple[PodRecord, ...]
    """Pods that have no place among them, such as one that only submits the training."""

    @property
    def running(self) -> int:
        """How many run, or have ended well."""
        return sum(member.runs for member in self.current)

    @property
    def all_run(self) -> bool:
        """Say whether none is missing."""
        return self.running >= self.expected

    @property
    def first_failed(self) -> Member | None:
        """The pod that failed first."""
        failed = [
            member for member in (*self.current, *(one for loss in self.lost for one in loss)) if member.has_failed
        ]
        return min(failed, key=_finished, default=None)


def telling_pods(trial: TrialSpec, pods: Iterable[PodRecord]) -> list[tuple[PodRecord, str]]:
    """Return those of an attempt's pods, gone ones too, whose end shows the result, each with the container that it is
    the end of: without a workload, each pod; of a training that prints its result elsewhere, where that is.
    """
    workload = trial.workload
    if workload is None:
        return [(pod, trial.container) for pod in pods]
    if trial.report is not None and not workload.kind.trains_in_container:
        printed = ((pod, workload.kind.prints(workload.spec, pod.labels)) for pod in pods)
        return [(pod, container) for pod, container in printed if container is not None]
    places = ((pod, workload.kind.place(pod.labels)) for pod in pods)
    return [
        (pod, trial.container) for pod, place in places if place is not None and workload.reports(place, pod.labels)
    ]


def gather(trial: TrialSpec, record: WorkloadRecord, pods: Iterable[PodRecord]) -> Crowd:
    """Return a workload's pods by what they are to it."""
    workload = trial.workload
    assert workload is not None
    known = list(pods)
    members = sorted(
        _members(trial, record, known), key=lambda each: (each.pod.created, each.place.start, each.pod.name)
    )
    own = [member for member in members if member.is_own]
    start = max((member.place.start for member in own), default=0)
    last = {_key(member): member for member in own if member.place.start == start}
    current = [member for member in last.values() if not _was_taken(trial, record, member)]
    remaining = {id(member) for member in current}
    lost = [member for member in members if id(member) not in remaining]
    shown = [*current, *(last.values() if record.is_finished else ())]
    reporter = next((each for each in shown if workload.reports(each.place, each.pod.labels)), None)
    order = {group.name: position for position, group in enumerate(workload.groups)}
    return Crowd(
        tuple(sorted(current, key=lambda each: (order[each.place.group], each.place.rank or 0, each.pod.name))),
        tuple(_together(lost, start)),
        workload.pods,
        reporter,
        tuple(pod for pod in known if not pod.is_deleted and workload.kind.place(pod.labels) is None),
    )


def holdings_of(trial: TrialSpec, members: Iterable[Member]) -> tuple[Holding, ...]:
    """Return what pods hold: each its GPUs from the moment that it has a node to the end of its container."""
    return tuple(
        Holding(
            trial.group_gpus[member.place.group],
            member.pod.scheduled,
            None if member.state is None else member.state.finished,
        )
        for member in members
        if member.pod.scheduled is not None
    )


def disruptions_of(trial: TrialSpec, record: WorkloadRecord, crowd: Crowd, now: datetime) -> tuple[Disruption, ...]:
    """Return a disruption for each loss that is over: all pods of an earlier start are one."""
    over = [loss for loss in crowd.lost if all(_is_over(member) for member in loss)]
    return tuple(_disruption(trial, record, loss, now) for loss in over)


def _members(trial: TrialSpec, record: WorkloadRecord, pods: Iterable[PodRecord]) -> list[Member]:
    workload = trial.workload
    assert workload is not None
    groups: Mapping[str, PodGroup] = {group.name: group for group in workload.groups}
    members = []
    for pod in pods:
        place = workload.kind.place(pod.labels)
        if place is not None and place.group in groups:
            group = groups[place.group]
            container = group.container(trial.container)
            members.append(Member(pod, place, group, container, is_own=pod.created >= record.created))
    return _numbered(members)


def _numbered(members: Sequence[Member]) -> list[Member]:
    """Return the same with the number of their start, where the engine only names it: the next begins when the last is
    gone, so each pod of it is younger.
    """
    began: dict[str, datetime] = {}
    for member in members:
        run = member.place.run
        began[run] = min(began.get(run, member.pod.created), member.pod.created)
    order = sorted(began, key=lambda run: (began[run], run))
    return [
        replace(member, place=replace(member.place, start=order.index(member.place.run)))
        if member.place.run
        else member
        for member in members
    ]


def _key(member: Member) -> tuple[str, int | str]:
    place = member.place
    return place.group, member.pod.uid if place.rank is None else place.rank


def _was_taken(trial: TrialSpec, record: WorkloadRecord, member: Member) -> bool:
    pod = member.pod
    ended_well = member.state is not None and member.state.exit_code == 0
    if ended_well or has_result(trial, pod):
        return False
    return pod.disrupted is not None or pod.gone or (pod.is_deleted and not record.is_finished)


def _is_over(member: Member) -> bool:
    return member.pod.is_over(member.container)


def _together(lost: Sequence[Member], start: int) -> list[tuple[Member, ...]]:
    """Return the lost pods of each earlier start together, and those of the current one, whose places others have
    taken, one by one.
    """
    alone = [(member,) for member in lost if member.is_own and member.place.start == start]
    earlier = [member for member in lost if not (member.is_own and member.place.start == start)]
    earlier.sort(key=lambda each: (each.is_own, each.place.start))
    grouped = [tuple(members) for _, members in groupby(earlier, key=lambda each: (each.is_own, each.place.start))]
    return [*grouped, *alone]


def _disruption(trial: TrialSpec, record: WorkloadRecord, loss: tuple[Member, ...], now: datetime) -> Disruption:
    # The first to end is the cause of the others' end, unless a disruption shows itself.
    first = min(loss, key=lambda each: (each.pod.disrupted is None, each.end(now), each.pod.name))
    others = "" if len(loss) == 1 else f"; all {len(loss)} pods were started again"
    reason, message = _reason(record, first)
    return Disruption(
        # Its name, which the record of the disruption is known by, must not depend on what is still visible of it.
        pod=min(member.pod.name for member in loss),
        reason=reason,
        message=message + others,
        node=first.pod.node,
        held_since=min((member.pod.scheduled for member in loss if member.pod.scheduled is not None), default=None),
        start_time=min((each.state.started for each in loss if each.state and each.state.started), default=None),
        end_time=max(member.end(now) for member in loss),
        holdings=holdings_of(trial, loss),
    )


def _reason(record: WorkloadRecord, first: Member) -> tuple[str, str]:
    pod, state = first.pod, first.state
    if not first.is_own:
        return "WorkloadDeleted", f"somebody deleted its {record.kind}"
    if pod.disrupted is not None:
        return pod.disrupted, f"pod {pod.name}: {pod.disruption_message}"
    if record.suspended:
        return "WorkloadSuspended", f"its {record.kind} was suspended"
    if first.has_failed and state is not None:
        return "PodFailed", f"pod {pod.name} exited with code {state.exit_code}"
    return "PodDeleted", f"pod {pod.name} was deleted"


def _finished(member: Member) -> datetime:
    assert member.state is not None
    return member.state.finished or member.pod.created
