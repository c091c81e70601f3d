"""Who of several operators acts: the one that holds a Lease. The others wait until it is released or runs out.

No two machines' clocks are compared. Whoever waits counts from the moment at which it saw the Lease change; whoever
holds it counts from the moment before it sent the last renewal that the server took, and stops acting when a shorter
time has passed. So the holder's time is over before anyone else's begins, whatever the wall clocks say.

Here is what a Lease says and what follows from it; ``cluster.election`` reads and writes it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


@dataclass(frozen=True)
class Timing:
    """How long a Lease lasts, in seconds; the defaults are those of Kubernetes' own controllers."""

    duration: float = 15
    """Others may take the Lease when they have not seen it change for so long."""
    renew_deadline: float = 10
    """The holder stops acting when its last renewal is so long ago; shorter than ``duration``."""
    retry: float = 2
    """Between two renewals, and between two looks at another's Lease."""


@dataclass(frozen=True)
class LeaseRecord:
    """What a Lease says."""

    holder: str
    """Empty after a release."""
    acquired: str
    """When the holder took it, by its own clock: tells two processes of one identity apart, and nothing else."""
    duration: float
    transitions: int
    version: str


@dataclass(frozen=True)
class Sighting:
    """A record, and when this process first saw it."""

    record: LeaseRecord
    at: float


@dataclass(frozen=True)
class Term:
    """Our time as the holder."""

    record: LeaseRecord
    """As the server answered our last write."""
    confirmed: float
    """The moment before that write was sent."""


class Move(Enum):
    """What to do next."""

    ACQUIRE = "acquire"
    WAIT = "wait"
    RENEW = "renew"
    LOST = "lost"


def look(before: Sighting | None, record: LeaseRecord | None, now: float) -> Sighting | None:
    """Return what is known after a look at the Lease: a record that did not change keeps its age.

    So does one that somebody deleted: its holder does not know it yet.
    """
    if record is None or (before is not None and before.record.version == record.version):
        return before
    return Sighting(record, now)


def decide(identity: str, seen: Sighting | None, term: Term | None, now: float, timing: Timing) -> Move:
    """Return what the process of that identity does, by what it has seen and holds."""
    if term is not None:
        ours = seen is None or (seen.record.holder, seen.record.acquired) == (identity, term.record.acquired)
        return Move.RENEW if ours and now - term.confirmed < timing.renew_deadline else Move.LOST
    free = seen is None or seen.record.holder in ("", identity) or now - seen.at >= seen.record.duration
    return Move.ACQUIRE if free else Move.WAIT


def read_lease(body: Mapping[str, Any]) -> LeaseRecord:
    """Return the record of a Lease; absent fields count as a released one."""
    spec = body.get("spec") or {}
    return LeaseRecord(
        holder=spec.get("holderIdentity") or "",
        acquired=spec.get("acquireTime") or "",
        duration=float(spec.get("leaseDurationSeconds") or Timing.duration),
        transitions=int(spec.get("leaseTransitions") or 0),
        version=str(body["metadata"]["resourceVersion"]),
    )


def elapsed() -> float:
    """Return seconds of a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
