"""The pods of a workload: which are there now, which are missing, which were lost. Pure.

An engine gives a lost pod's place to another one, or starts all of them again. Pods of earlier starts, of a workload
that somebody deleted, and those whose place another pod has taken were lost; so was a pod that was ended from outside,
as soon as that is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from evonas.cluster.state.endings import has_result, is_infeasible
from evonas.cluster.state.records import ContainerState, PodRecord, WorkloadRecord
from evonas.search.attempt import Disruption, Holding
from evonas.spec import TrialSpec
from evonas.workloads.interface import ALIKE, KUBERNETES, Kind, Place, PodGroup


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
    def has_ended_well(self) -> bool:
        """Say whether its container has ended well."""
        return self.state is not None and self.state.exit_code == 0

    @property
    def position(self) -> tuple[str, int]:
        """Its place, whoever has it."""
        return self.place.group, self.place.rank

    @property
    def has_failed(self) -> bool:
        """Say whether its container has ended, and not well."""
        return self.state is not None and self.state.exit_code not in (None, 0)

    @property
    def found_infeasible(self) -> bool:
        """Say whether its container has ended by saying that the candidate cannot be trained."""
        return self.state is not None and is_infeasible(self.pod, self.state)

    @property
    def stopped(self) -> datetime | None:
        """Return since when its container, which had run, does not; None if it runs, or has never run."""
        state = self.state
        if state is not None and state.waiting is not None and state.last is not None:
            return state.last.finished
        return None if state is None or not self.has_failed else state.finished

    def end(self, now: datetime) -> datetime:
        """Return when a pod that is over had ended."""
        state, gone = self.state, self.pod.gone_at or now
        # A deletion's timestamp is the end of its grace period, which may not be used up.
        return (state and state.finished) or min(self.pod.deletion or gone, gone)


@dataclass(frozen=True)
class Crowd:
    """All pods of one attempt's workload."""

    current: tuple[Member, ...]
    """One at each place that has one, by place."""
    lost: tuple[tuple[Member, ...], ...]
    """Those that were lost, the ones lost together as one, each by their ends."""
    expected: int
    reporter: Member | None
    """The pod that reports, if it is there, or was the last to be, when a training that is no container's has ended."""
    start: int
    """How often the engine has started all of them again."""
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
    def held_since(self) -> datetime | None:
        """Since when the first of those that are there has a node; None if none has."""
        return min((each.pod.scheduled for each in self.current if each.pod.scheduled is not None), default=None)

    @property
    def starts(self) -> list[datetime]:
        """When the containers of those that are there started, as far as they have."""
        return [each.state.started for each in self.current if each.state and each.state.started]

    @property
    def members(self) -> tuple[Member, ...]:
        """All of them."""
        return (*self.current, *(member for loss in self.lost for member in loss))

    @property
    def first_failed(self) -> Member | None:
        """The pod that failed first of those that the engine has started last: what ended the others, too."""
        last = (member for member in self.members if member.is_own and member.place.start == self.start)
        return min((member for member in last if member.has_failed), key=_finished, default=None)

    @property
    def infeasible(self) -> Member | None:
        """The pod of the workload that found first that the candidate cannot be trained."""
        found = (member for member in self.members if member.is_own and member.found_infeasible)
        return min(found, key=_finished, default=None)


def telling_pods(trial: TrialSpec, pods: Iterable[PodRecord]) -> list[tuple[PodRecord, str]]:
    """Return those of an attempt's pods, gone ones too, whose end shows the result, each with the container that it is
    the end of: without a workload, each pod; of a training that prints its result elsewhere, where that is.
    """
    workload = trial.workload
    if workload is None:
        return [(pod, trial.container) for pod in pods]
    if trial.report is not None and not workload.kind.trains_in_container:
        printed = ((pod, workload.printer(pod.labels, trial.container)) for pod in pods)
        return [(pod, container) for pod, container in printed if container is not None]
    return [(pod, trial.container) for pod in pods if workload.is_reporter(pod.labels)]


def gather(trial: TrialSpec, record: WorkloadRecord, pods: Iterable[PodRecord], now: datetime) -> Crowd:
    """Return a workload's pods by what they are to it; each is either current or lost."""
    workload = trial.workload
    assert workload is not None
    known = list(pods)
    members = sorted(_members(trial, record, known), key=_by_beginning)
    own = [member for member in members if member.is_own]
    start = max((member.place.start for member in own), default=0)
    last = {_key(member): member for member in own if member.place.start == start}
    current = [member for member in last.values() if not _was_taken(trial, record, member)]
    remaining = {id(member) for member in current}
    lost = [member for member in members if id(member) not in remaining]
    shown = [*current, *(last.values() if record.is_finished and not workload.kind.trains_in_container else ())]
    reporter = next((each for each in shown if workload.reports(each.place)), None)
    order = {group.name: position for position, group in enumerate(workload.groups)}
    return Crowd(
        tuple(sorted(current, key=lambda each: (order[each.place.group], each.place.rank, each.pod.name))),
        tuple(_together(lost, members, now)),
        workload.pods,
        reporter,
        start,
        tuple(pod for pod in known if not pod.is_deleted and workload.kind.place(pod.labels) is None),
    )


def holdings_of(trial: TrialSpec, members: Iterable[Member], now: datetime) -> tuple[Holding, ...]:
    """Return what pods hold: each its GPUs from the moment that it has a node to the end of its container."""
    return tuple(
        Holding(
            trial.group_gpus[member.place.group],
            member.pod.scheduled,
            member.end(now) if _is_over(member) else None,
        )
        for member in members
        if member.pod.scheduled is not None
    )


def disruptions_of(record: WorkloadRecord, crowd: Crowd, now: datetime) -> tuple[Disruption, ...]:
    """Return a disruption for each loss that is over, oldest first.

    What a pod was lost by, if it does not say so itself, shows only with what follows: its successor, another start of
    all, another workload, or nothing, where the workload is suspended. Where the workload is over, its engine may have
    deleted the pod before it said so, as the Job controller does with the others of a pod that has failed.
    """
    settled = record.suspended and not any(not member.has_ended_well for member in crowd.current)
    over = [
        loss
        for loss in crowd.lost
        if all(_is_over(member) for member in loss) and (settled or any(_is_past(member, crowd) for member in loss))
    ]
    return tuple(
        sorted((_disruption(record, crowd, loss, now) for loss in over), key=lambda each: (each.end_time, each.pod))
    )


def _is_past(member: Member, crowd: Crowd) -> bool:
    """Say whether a lost pod says why, or has a successor, or all of its workload have."""
    if member.pod.disrupted is not None or not member.is_own or member.place.start < crowd.start:
        return True
    followers = (one for one in crowd.members if one.position == member.position and one is not member)
    return any(one.pod.created >= member.pod.created and not _is_over(one) for one in followers)


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
            members.append(Member(pod, place, group, container, is_own=is_own(workload.kind, record, pod)))
    return _numbered(members)


def is_own(kind: Kind, record: WorkloadRecord, pod: PodRecord) -> bool:
    """Say whether a pod is of this workload, and not of one of its name before."""
    if kind.engine == KUBERNETES:
        return pod.owner_uid == record.uid
    if kind.uid_label is not None and kind.uid_label in pod.labels:
        return pod.labels[kind.uid_label] == record.uid
    # A second is as exactly as it is known.
    return pod.created >= record.created


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
    return place.group, member.pod.uid if place.rank == ALIKE else place.rank


def _was_taken(trial: TrialSpec, record: WorkloadRecord, member: Member) -> bool:
    pod = member.pod
    if member.has_ended_well or has_result(trial, pod):
        return False
    return pod.disrupted is not None or pod.gone or (pod.is_deleted and not record.is_finished)


def _by_beginning(member: Member) -> tuple[datetime, bool, str]:
    # Of two that were created within the same second, the one that leaves came first.
    pod = member.pod
    return pod.created, not (pod.is_deleted or pod.disrupted is not None or pod.is_terminal), pod.name


def _is_over(member: Member) -> bool:
    return member.pod.is_over(member.container)


def _together(lost: Iterable[Member], members: Sequence[Member], now: datetime) -> Iterator[tuple[Member, ...]]:
    """Yield the lost pods by what they were lost in: those of an earlier start, and those whose ends lie so close that
    none had been replaced in between. A queue that suspends a workload, or a node that fails, ends several.
    """

    def start_of(member: Member) -> tuple[bool, int]:
        return member.is_own, member.place.start

    for _, of_start in groupby(sorted(lost, key=lambda each: (*start_of(each), *_by_end(each, now))), key=start_of):
        loss: list[Member] = []
        for member in of_start:
            if loss and all(_is_replaced(one, members, member.end(now)) for one in loss):
                yield tuple(loss)
                loss = []
            loss.append(member)
        yield tuple(loss)


def _by_end(member: Member, now: datetime) -> tuple[datetime, str]:
    return member.end(now), member.pod.name


def _is_replaced(lost: Member, members: Iterable[Member], by: datetime) -> bool:
    """Say whether another pod of the same start had started at the place of a lost one by then."""
    # What comes with the next start of all may run before the last pod of the former is seen to be gone. Of pods that
    # are alike, those that began after its end come into its place.
    since = lost.end(by) if lost.place.rank == ALIKE else lost.pod.created
    return any(
        other is not lost
        and other.is_own == lost.is_own
        and other.place == lost.place
        and other.pod.created >= since
        and other.state is not None
        and other.state.started is not None
        and other.state.started <= by
        for other in members
    )


def _disruption(record: WorkloadRecord, crowd: Crowd, loss: tuple[Member, ...], now: datetime) -> Disruption:
    # The first to end is the cause of the others' end, unless a disruption shows itself.
    first = min(loss, key=lambda each: (each.pod.disrupted is None, each.end(now), each.pod.name))
    reason, message = _reason(record, first)
    if len(loss) > 1:
        message += f"; {len(loss)} of its {crowd.expected} pods were lost together"
    return Disruption(
        # What it is known by in the trial's record: others may still follow.
        pod=loss[0].pod.name,
        reason=reason,
        message=message,
        node=first.pod.node,
        held_since=min((member.pod.scheduled for member in loss if member.pod.scheduled is not None), default=None),
        start_time=min((each.state.started for each in loss if each.state and each.state.started), default=None),
        end_time=max(member.end(now) for member in loss),
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


def _finished(member: Member) -> tuple[datetime, bool, str]:
    assert member.state is not None
    return member.state.finished or member.pod.created, member.pod.is_deleted, member.pod.name
