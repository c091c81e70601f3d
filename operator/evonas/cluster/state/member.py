"""One pod of a workload, at its place. Pure; ``crowd`` says which of them are there, and ``losses`` which were lost."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from datetime import datetime, timedelta

from evonas.cluster.state.endings import end_of, is_infeasible
from evonas.cluster.state.records import ContainerState, PodRecord, WorkloadRecord
from evonas.cluster.state.succession import Succession, succession_of
from evonas.workloads.interface import KUBERNETES, Kind, Place, PodGroup

_BY_SIGNAL = (128 + signal.SIGTERM, 128 + signal.SIGKILL)
"""Exit codes of a container that is ended with its pod."""
_CLOCKS = timedelta(seconds=1)
"""By how much the clocks of two API servers may differ: one dates a workload, and another its pods."""


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
    def succession(self) -> Succession:
        """What sorts the pods of a place from the first to the last."""
        return succession_of(self.pod, self.container)

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
    def was_ended(self) -> bool:
        """Say whether it is leaving without having failed, or by a signal that comes with that."""
        return self.pod.is_deleted and (self.state is None or self.state.exit_code in (None, 0, *_BY_SIGNAL))

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
        return end_of(self.pod, self.container, now)

    @property
    def is_over(self) -> bool:
        """Say whether its container no longer runs and never will."""
        return self.pod.is_over(self.container)

    @property
    def failed_by_itself(self) -> bool:
        """Say whether it has failed without having been disrupted, or ended."""
        return self.has_failed and self.pod.disrupted is None and not self.was_ended

    def failed_by(self, other: Member) -> bool:
        """Say whether it may have failed because another was disrupted: processes that train together end when one of
        them is lost.
        """
        began = other.pod.disrupted_at
        return self.failed_by_itself and began is not None and self.ran_at(began)

    def ran_at(self, moment: datetime) -> bool:
        """Say whether its container, which has ended, had begun before that moment, and ran then."""
        # Kubernetes keeps whole seconds, and what an engine starts again may begin within that of the end before.
        state = self.state
        if state is None or state.started is None or state.finished is None:
            return False
        return state.started < moment.replace(microsecond=0) <= state.finished


def is_own(kind: Kind, record: WorkloadRecord, pod: PodRecord) -> bool:
    """Say whether a pod is of this workload, and not of one of its name before."""
    if kind.engine == KUBERNETES:
        return pod.owner_uid == record.uid
    if kind.uid_label is not None and kind.uid_label in pod.labels:
        return pod.labels[kind.uid_label] == record.uid
    # Their times are whole seconds, and a workload is often deleted and made again within one.
    return not pod.is_former and pod.created >= record.created - _CLOCKS
