"""Which of several operators acts: the one that holds a Lease. The others wait until it is released or expires.

Clocks of different machines are never compared. A waiting process counts from the moment it saw the Lease change; the
holder counts from just before it sent the last renewal that the server accepted, and stops acting after a shorter
time. So the holder's term is over before anyone else's begins, whatever the wall clocks say.

This module holds what a Lease says and what follows from it; ``cluster.election`` reads and writes it.
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
    """Others may take the Lease when they have not seen it change for this long."""
    renew_deadline: float = 10
    """The holder stops acting when its last renewal is this long ago; shorter than ``duration``."""
    retry: float = 2
    """Between renewals, and between checks of another's Lease."""


@dataclass(frozen=True)
class LeaseRecord:
    """What a Lease says."""

    holder: str
    """Empty after a release."""
    acquired: str
    """When the holder took it, by its own clock: used only to tell two processes of one identity apart."""
    duration: float
    transitions: int
    version: str


@dataclass(frozen=True)
class Sighting:
    """A record and when this process first saw it."""

    record: LeaseRecord
    at: float


@dataclass(frozen=True)
class Term:
    """Our term as the holder."""

    record: LeaseRecord
    """The server's answer to our last write."""
    confirmed: float
    """The moment before that write was sent."""


class Move(Enum):
    """What to do next."""

    ACQUIRE = "acquire"
    WAIT = "wait"
    RENEW = "renew"
    LOST = "lost"


def look(before: Sighting | None, record: LeaseRecord | None, now: float) -> Sighting | None:
    """Return what is known after reading the Lease: an unchanged record keeps its age.

    So does a deleted one: its holder does not know of the deletion yet.
    """
    if record is None or (before is not None and before.record.version == record.version):
        return before
    return Sighting(record, now)


def decide(identity: str, seen: Sighting | None, term: Term | None, now: float, timing: Timing) -> Move:
    """Return what the process of that identity does next, given what it has seen and holds."""
    if term is not None:
        ours = seen is None or (seen.record.holder, seen.record.acquired) == (identity, term.record.acquired)
        return Move.RENEW if ours and now - term.confirmed < timing.renew_deadline else Move.LOST
    free = seen is None or seen.record.holder in ("", identity) or now - seen.at >= seen.record.duration
    return Move.ACQUIRE if free else Move.WAIT


def read_lease(body: Mapping[str, Any]) -> LeaseRecord:
    """Return the record of a Lease; absent fields mean that it is released."""
    spec = body.get("spec") or {}
    return LeaseRecord(
        holder=spec.get("holderIdentity") or "",
        acquired=spec.get("acquireTime") or "",
        duration=float(spec.get("leaseDurationSeconds") or Timing.duration),
        transitions=int(spec.get("leaseTransitions") or 0),
        version=str(body["metadata"]["resourceVersion"]),
    )


def elapsed() -> float:
    """Return the seconds of a clock that is never set and that keeps running while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
