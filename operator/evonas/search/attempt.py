"""An executor's view of one attempt (a Job, or a local process), and how an attempt may end. The cluster and the local
run both translate what they see into these types; ``plan`` decides on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from fractions import Fraction

from evonas.search.trial_progress import Progress
from evonas.search.trial_report import Report


class Verdict(Enum):
    """What the end of an attempt means for its trial."""

    REPORTED = auto()
    """Exit code 0, with a report that may hold a reward."""
    INFEASIBLE = auto()
    """The candidate cannot be built or diverged: recorded, learned from, never retried."""
    BROKEN = auto()
    """Says nothing about the candidate: retried."""
    USELESS = auto()
    """Would end the same way again (a timeout): failed, not retried."""


@dataclass(frozen=True)
class Ending:
    """How an attempt ended."""

    verdict: Verdict
    reason: str = ""
    message: str = ""
    report: Report | None = None


class QueuedReason(StrEnum):
    """Why an attempt does not run yet: the closed list of the reasons for which trials and the search wait."""

    STARTING = "Starting"
    """Its pod or container is being created; nothing is wrong so far."""
    STOPPING = "Stopping"
    """What ran before it is still being stopped."""
    RETRYING = "Retrying"
    """The attempt before it failed."""
    DISRUPTED = "Disrupted"
    """Its pod was stopped from outside and is being replaced."""
    QUEUED = "Queued"
    """A queue (Kueue) has not admitted its Job, or a scheduling gate holds its pod."""
    UNSCHEDULABLE = "Unschedulable"
    """No node has room for its pod."""
    IMAGE_PULL = "ImagePull"
    """An image cannot be pulled."""
    CONTAINER_CONFIG = "ContainerConfig"
    """A container cannot be created as the template asks (a missing ConfigMap, a wrong command)."""
    QUOTA_EXCEEDED = "QuotaExceeded"
    """The namespace's quota has no room for it."""
    ADMISSION_DENIED = "AdmissionDenied"
    """The API server rejects its Job or pod."""

    @property
    def blocks(self) -> bool:
        """Return whether something outside must change before the attempt can run."""
        passing = (QueuedReason.STARTING, QueuedReason.STOPPING, QueuedReason.RETRYING, QueuedReason.DISRUPTED)
        return self not in passing


@dataclass(frozen=True)
class Holding:
    """What one pod of a workload holds, and from when to when."""

    gpus: Fraction
    since: datetime
    until: datetime | None = None
    """None as long as it holds it."""


@dataclass(frozen=True)
class Disruption:
    """A pod of an attempt that was stopped from outside, or several, when a workload was started again as a whole."""

    pod: str
    """By which it is known in the trial's record."""
    reason: str
    message: str
    node: str | None
    held_since: datetime | None
    start_time: datetime | None
    end_time: datetime
    others: frozenset[str] = frozenset()
    """Those that were lost with it. Of several that ended within a second, any may have been seen first, and be the one
    on record."""


class AttemptPhase(Enum):
    """Where an attempt stands."""

    QUEUED = auto()
    RUNNING = auto()
    ENDED = auto()


@dataclass(frozen=True)
class AttemptView:
    """One attempt as it is seen now."""

    number: int
    phase: AttemptPhase
    reason: QueuedReason | None = None
    """Why it waits; set exactly when the phase is QUEUED."""
    message: str = ""
    pod: str | None = None
    node: str | None = None
    held_since: datetime | None = None
    """Since when it holds the resources it requests; None if it never did."""
    start_time: datetime | None = None
    """When the trial's container started; None if it never did."""
    end_time: datetime | None = None
    """When it ended, or was found to have ended; set exactly when the phase is ENDED."""
    ending: Ending | None = None
    """Set exactly when the phase is ENDED."""
    holdings: tuple[Holding, ...] = ()
    """What each of its pods has held, lost ones too; empty where there is only one pod at a time."""
    gpus: Fraction | None = None
    """What that one takes, where it is known of the attempt itself: the search's may have changed since."""
    holds_resources: bool = True
    """False once nothing of it can still run, so that the next attempt may start."""
    outlasts: bool = False
    """True once it has ended and its pods keep their resources until its result is recorded."""
    must_stop: bool = False
    """True if it is to be stopped although it would keep trying."""
    deadline: datetime | None = None
    """When it will be stopped if nothing changes."""
    disruptions: tuple[Disruption, ...] = ()
    """Earlier pods of this attempt, oldest first, as far as they are still visible."""
    fingerprint: str | None = None
    """Of the trial at the time the attempt was created (``search.reuse``): the template may have changed since."""
    lacks_pods: bool = False
    """Whether what makes its pods has not made all of them."""
    progress: Progress | None = None
    """Its latest progress report, in a search with rungs."""
