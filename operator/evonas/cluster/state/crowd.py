"""The pods of a workload: which are there now, which are missing, which were lost. Pure.

An engine gives a lost pod's place to another one, or starts all of them again; a queue suspends the whole and lets it
run again; somebody deletes the whole, and another is made. Each of these begins an era of the workload, whose pods are
lost together, as one. Within an era they are lost one by one. Which of both it is shows only once a lost pod has a
successor: until then it is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from evonas.cluster.state.endings import has_result
from evonas.cluster.state.records import ContainerState, PodRecord, WorkloadRecord
from evonas.search.attempt import Disruption, Holding
from evonas.spec import TrialSpec
from evonas.workloads.interface import Place, PodGroup

Era = tuple[bool, int, int]


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
    resumed: int = 0
    """How often the workload had been let run again, after a suspension, before the pod was made."""

    @property
    def era(self) -> Era:
        """What it shares with the pods that are lost together with it, later ones larger."""
        return self.is_own, self.resumed, self.place.start

    @property
    def position(self) -> tuple[str, int]:
        """Its place, whoever has it."""
        return self.place.group, self.place.rank

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
        state, gone = self.state, self.pod.gone_at or now
        # A deletion's timestamp is the end of its grace period, which may not be used up.
        return (state and state.finished) or min(self.pod.deletion or gone, gone)


@dataclass(frozen=True)
class Crowd:
    """All pods of one attempt's workload."""

    current: tuple[Member, ...]
    """One at each place that has one, by place."""
    lost: tuple[tuple[Member, ...], ...]
    """Those that were lost, the ones lost together as one."""
    missing: tuple[Member, ...]
    """Those that were lost and have no successor yet."""
    expected: int
    reporter: Member | None
    """The pod that reports, if it is there."""

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
        lost = (member for loss in self.lost for member in loss)
        failed = [member for member in (*self.current, *self.missing, *lost) if member.has_failed]
        return min(failed, key=_finished, default=None)


def reporting_pods(trial: TrialSpec, pods: Iterable[PodRecord]) -> list[PodRecord]:
    """Return those of an attempt's pods, gone ones too, that report; without a workload, each does."""
    workload = trial.workload
    if workload is None:
        return list(pods)
    places = ((pod, workload.kind.place(pod.labels)) for pod in pods)
    return [pod for pod, place in places if place is not None and workload.reports(place)]


def gather(trial: TrialSpec, record: WorkloadRecord, pods: Iterable[PodRecord]) -> Crowd:
    """Return a workload's pods by what they are to it."""
    workload = trial.workload
    assert workload is not None
    members = sorted(
        _members(trial, record, pods), key=lambda each: (each.pod.created, each.place.start, each.pod.name)
    )
    eras = [
        list(of_era) for _, of_era in groupby(sorted(members, key=lambda each: each.era), key=lambda each: each.era)
    ]
    alone = [(member,) for of_era in eras for member in _succeeded(of_era)]
    *earlier, latest = [_last(of_era) for of_era in eras] or [()]
    if latest and (not latest[0].is_own or latest[0].resumed < len(record.resumed)):
        # The next era has begun, and has no pod yet.
        earlier, latest = [*earlier, latest], ()
    done = _done(trial, earlier, latest)
    together = [tuple(member for member in loss if member not in done) for loss in earlier]
    current = [*done, *(member for member in latest if not _was_taken(trial, record, member))]
    missing = tuple(member for member in latest if _was_taken(trial, record, member))
    if missing and (record.is_finished or (record.suspended and len(done) == len(current))):
        # None of them will have a successor in this era.
        together, missing = [*together, missing], ()
    order = {group.name: position for position, group in enumerate(workload.groups)}
    return Crowd(
        tuple(sorted(current, key=lambda each: (order[each.place.group], each.place.rank))),
        tuple(filter(None, (*together, *alone))),
        missing,
        workload.pods,
        next((each for each in current if workload.reports(each.place)), None),
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
            is_own = pod.owner_uid == record.uid or pod.created >= record.created
            resumed = sum(moment <= pod.created for moment in record.resumed) if is_own else 0
            members.append(Member(pod, place, group, container, is_own, resumed))
    return members


def _was_taken(trial: TrialSpec, record: WorkloadRecord, member: Member) -> bool:
    pod = member.pod
    if _ended_well(trial, member):
        return False
    return pod.disrupted is not None or pod.gone or (pod.is_deleted and not record.is_finished)


def _is_over(member: Member) -> bool:
    return member.pod.is_over(member.container)


def _last(of_era: Iterable[Member]) -> tuple[Member, ...]:
    """Return those of an era, the older ones first, that nobody has followed in it."""
    return tuple({member.position: member for member in of_era}.values())


def _succeeded(of_era: Sequence[Member]) -> list[Member]:
    """Return those of an era that another one has followed in it."""
    last = {id(member) for member in _last(of_era)}
    return [member for member in of_era if id(member) not in last]


def _done(trial: TrialSpec, earlier: Iterable[tuple[Member, ...]], latest: tuple[Member, ...]) -> list[Member]:
    """Return those that had ended well when the workload was suspended, and so have no successor."""
    own = [member for of_era in (*earlier, latest) for member in of_era if member.is_own]
    start = max((member.place.start for member in own), default=0)
    taken = {member.position for member in latest}
    return [
        member
        for of_era in earlier
        for member in of_era
        if member.is_own and member.place.start == start and member.position not in taken
        if _ended_well(trial, member)
    ]


def _ended_well(trial: TrialSpec, member: Member) -> bool:
    return (member.state is not None and member.state.exit_code == 0) or has_result(trial, member.pod)


def _disruption(trial: TrialSpec, record: WorkloadRecord, loss: tuple[Member, ...], now: datetime) -> Disruption:
    # The first to end is the cause of the others' end, unless a disruption shows itself.
    first = min(loss, key=lambda each: (each.pod.disrupted is None, each.end(now), each.pod.name))
    others = "" if len(loss) == 1 else f"; {len(loss)} pods were lost together"
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
        holdings=holdings_of(trial, loss, now),
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
