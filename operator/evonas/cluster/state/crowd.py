"""The pods of a workload: which are there now, which are missing, which were lost. Pure.

An engine gives a lost pod's place to another one, or starts all of them again. Pods of earlier starts, of a workload
that somebody deleted, and those whose place another pod has taken were lost; so was a pod that was ended from outside,
as soon as that is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from evonas.cluster.state.endings import has_result
from evonas.cluster.state.losses import together
from evonas.cluster.state.member import Member, is_own
from evonas.cluster.state.records import NEVER, PodRecord, WorkloadRecord
from evonas.search.attempt import Holding
from evonas.spec import TrialSpec
from evonas.workloads.interface import ALIKE, PodGroup


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
        """The pod that failed first of those that the engine has started last: what ended the others, too. One that
        was disrupted or replaced did so only if no other failed.
        """
        taken = {member.position: member for member in self.current}

        def order(member: Member) -> tuple[bool, bool, tuple[datetime, bool, str]]:
            is_replaced = taken.get(member.position, member) is not member
            return member.pod.disrupted is not None, is_replaced, _finished(member)

        return min((member for member in self._last if member.has_failed), key=order, default=None)

    @property
    def failed_by_itself(self) -> Member | None:
        """The one that failed first without having been disrupted, or ended."""
        return min((member for member in self._last if member.failed_by_itself), key=_finished, default=None)

    @property
    def disrupted(self) -> list[Member]:
        """Those that were disrupted."""
        return [member for member in self._last if member.pod.disrupted is not None]

    @property
    def _last(self) -> Iterable[Member]:
        return (member for member in self.members if member.is_own and member.place.start == self.start)

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
    members = _members(trial, record, known)
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
        tuple(together(lost, members, now)),
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
            member.end(now) if member.is_over else None,
        )
        for member in members
        if member.pod.scheduled is not None
    )


def _members(trial: TrialSpec, record: WorkloadRecord, pods: Iterable[PodRecord]) -> list[Member]:
    """Return the pods that have a place, from the first that was made to the last."""
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
    return _numbered(sorted(members, key=lambda member: member.succession))


def _numbered(members: Sequence[Member]) -> list[Member]:
    """Return the same with the number of their start, where the engine only names it: the next begins when the last is
    gone, so each pod of it comes later.
    """
    runs = list(dict.fromkeys(member.place.run for member in members))
    return [
        replace(member, place=replace(member.place, start=runs.index(member.place.run))) if member.place.run else member
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


def _finished(member: Member) -> tuple[datetime, bool, str]:
    assert member.state is not None
    # One whose end its node does not tell is taken for one that was ended because another had failed.
    return member.state.finished or NEVER, member.pod.is_deleted, member.pod.name
