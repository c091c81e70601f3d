"""What an executor shows of one attempt (a Job, or a local process), and how an attempt may end.

The cluster and the local run both translate what they see into these; ``plan`` decides on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from evonas.search.report import Report


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
    reason: str = ""
    message: str = ""
    node: str | None = None
    start_time: datetime | None = None
    """When the trial's container started; None where it never did."""
    end_time: datetime | None = None
    """When it ended, or was found to have ended; set exactly when the phase is ENDED."""
    ending: Ending | None = None
    """Set exactly when the phase is ENDED."""
    holds_resources: bool = True
    """False once nothing of it can run any more, so that the next attempt may start."""
    must_stop: bool = False
    """True where it was given up although it would go on trying."""
    deadline: datetime | None = None
    """When it will be given up if nothing changes."""
