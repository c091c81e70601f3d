"""What is told of the pods that a workload has lost: when, how often, and why. Pure; ``crowd`` knows which they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from evonas.cluster.state.crowd import Crowd
from evonas.cluster.state.member import Member
from evonas.cluster.state.records import WorkloadRecord
from evonas.search.attempt import Disruption
from evonas.search.trial import EndedAttempt
from evonas.workloads.interface import ALIKE

WORKLOAD_DELETED, WORKLOAD_SUSPENDED = "WorkloadDeleted", "WorkloadSuspended"
POD_FAILED, POD_DELETED = "PodFailed", "PodDeleted"
"""Reasons of losses that no pod tells itself."""


def disruptions_of(
    record: WorkloadRecord, crowd: Crowd, now: datetime, told: Sequence[EndedAttempt] = ()
) -> tuple[Disruption, ...]:
    """Return a disruption for each loss that is over, oldest first, unless it is part of one that is on record.

    What a pod was lost by, if it does not say so itself, shows only with what follows: its successor, another start of
    all, another workload, or nothing, where the workload is suspended. Where the workload is over, its engine may have
    deleted the pod before it said so, as the Job controller does with the others of a pod that has failed.
    """
    settled = record.suspended and all(member.has_ended_well for member in crowd.current)
    over = [
        loss
        for loss in crowd.lost
        if all(member.is_over for member in loss)
        and (settled or any(_is_past(member, crowd) for member in loss))
        and not any(follows(member, one, record) for member in loss for one in told)
    ]
    return tuple(
        sorted((_disruption(record, crowd, loss, now) for loss in over), key=lambda each: (each.end_time, each.pod))
    )


def follows(member: Member, told: EndedAttempt, record: WorkloadRecord) -> bool:
    """Say whether a pod may have failed because of a disruption that is on record: an operator that has started since
    does not know the pod which was disrupted. What was replaced after it had failed, or had been deleted, is none.
    """
    ours = (WORKLOAD_DELETED, WORKLOAD_SUSPENDED, POD_FAILED, POD_DELETED)
    if told.number != record.attempt or not told.disrupted or told.reason in ours or told.completion_time is None:
        return False
    return member.failed_by_itself and member.ran_at(told.completion_time)


def _is_past(member: Member, crowd: Crowd) -> bool:
    """Say whether a lost pod says why, or has a successor, or all of its workload have."""
    if member.pod.disrupted is not None or not member.is_own or member.place.start < crowd.start:
        return True
    others = (one for one in crowd.members if one.position == member.position and one is not member)
    # One that is over and has not ended well may be lost with it, and say no more than that one does.
    followers = [one for one in others if one.has_ended_well or not one.is_over]
    if member.place.rank == ALIKE:
        # Each of these may have been there before it: one has come into its place once there are as many as before.
        return len(followers) >= member.group.count
    return any(one.succession > member.succession for one in followers)


def _disruption(record: WorkloadRecord, crowd: Crowd, loss: tuple[Member, ...], now: datetime) -> Disruption:
    # The first to end is the cause of the others' end, unless a disruption shows itself. Of those that ended within
    # the same second, it is one that failed, since the engine ends the others.
    first = min(loss, key=lambda each: (each.pod.disrupted is None, each.end(now), each.was_ended, each.pod.name))
    reason, message = _reason(record, first)
    if len(loss) > 1:
        message += f"; {len(loss)} of its {crowd.expected} pods were lost together"
    return Disruption(
        # What it is known by in the trial's record: others may still follow.
        pod=loss[0].pod.name,
        others=frozenset(member.pod.name for member in loss[1:]),
        reason=reason,
        message=message,
        node=first.pod.node,
        held_since=min((member.pod.scheduled for member in loss if member.pod.scheduled is not None), default=None),
        start_time=min((each.state.started for each in loss if each.state and each.state.started), default=None),
        end_time=max(member.end(now) for member in loss),
    )


def _reason(record: WorkloadRecord, first: Member) -> tuple[str, str]:
    pod, state = first.pod, first.state
    if pod.disrupted is not None:
        return pod.disrupted, f"pod {pod.name}: {pod.disruption_message}"
    if not first.is_own:
        return WORKLOAD_DELETED, f"somebody deleted its {record.noun}"
    if record.suspended:
        return WORKLOAD_SUSPENDED, f"its {record.noun} was suspended"
    if first.has_failed and state is not None:
        return POD_FAILED, f"pod {pod.name} exited with code {state.exit_code}"
    return POD_DELETED, f"pod {pod.name} was deleted"
