"""Which pods of a workload were lost together. Pure; ``crowd`` asks this.

A queue that suspends a workload, a node that fails, or the end of one process of several ends more than one pod: that
is one loss, and one disruption.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from evonas.cluster.state.member import Member
from evonas.workloads.interface import ALIKE


def together(lost: Iterable[Member], members: Sequence[Member], now: datetime) -> Iterator[tuple[Member, ...]]:
    """Yield the lost pods by what they were lost in: those of an earlier start, those that may have failed because one
    of them was disrupted, and those whose ends lie so close that none had been replaced in between.
    """

    def start_of(member: Member) -> tuple[bool, int]:
        return member.is_own, member.place.start

    for _, of_start in groupby(sorted(lost, key=lambda each: (*start_of(each), *_by_end(each, now))), key=start_of):
        loss: list[Member] = []
        for member in of_start:
            if loss and not any(_belong(member, one, members, now) for one in loss):
                yield tuple(loss)
                loss = []
            loss.append(member)
        yield tuple(loss)


def _belong(member: Member, one: Member, members: Sequence[Member], now: datetime) -> bool:
    return member.failed_by(one) or not _is_replaced(one, members, member.end(now))


def _by_end(member: Member, now: datetime) -> tuple[datetime, str]:
    return member.end(now), member.pod.name


def _is_replaced(lost: Member, members: Iterable[Member], by: datetime) -> bool:
    """Say whether another pod of the same start had started at the place of a lost one by then."""

    # What comes with the next start of all may run before the last pod of the former is seen to be gone. Kubernetes
    # keeps whole seconds: what started within that of the end may have done so before or after.
    return any(
        other is not lost
        and other.is_own == lost.is_own
        and other.place == lost.place
        and _comes_after(other, lost, by)
        and other.state is not None
        and other.state.started is not None
        and other.state.started < by.replace(microsecond=0)
        for other in members
    )


def _comes_after(other: Member, lost: Member, by: datetime) -> bool:
    # Of pods that are alike, those that were made after its end come into its place, to the second.
    if lost.place.rank == ALIKE:
        return other.pod.created >= lost.end(by).replace(microsecond=0)
    return other.succession > lost.succession
