"""Which of several operators acts: the one that holds a Lease. The others wait until it is released or expires.

Clocks of different machines are never compared. A waiting process counts from the moment it saw the Lease change; the
holder counts from just before it sent the last renewal that the server accepted, and stops acting after a shorter
time. So the holder's term is over before anyone else's begins, whatever the wall clocks say.

This module holds what a Lease says and what follows from it; ``cluster.leader.election`` reads and writes it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from evonas.search.names import MANAGED_BY, MANAGED_BY_LABEL, PREFIX

WATCHED_ANNOTATION = f"{PREFIX}/watched-namespaces"
"""Of a Lease: the namespaces of its operator, with commas; empty for all."""

ROOM = 1.2
"""A renewal may come late by a fifth of its period; client-go's factor, by which it spreads its own tries."""


@dataclass(frozen=True)
class Timing:
    """How long a Lease lasts, in seconds; the defaults are those of Kubernetes' own controllers."""

    duration: float = 15
    """Others may take the Lease when they have not seen it change for this long."""
    renew_deadline: float = 10
    """The holder stops acting when its last renewal is this long ago; shorter than ``duration``."""
    retry: float = 2
    """Between renewals, and between checks of another's Lease."""

    @property
    def call(self) -> float:
        """A hanging renewal times out early enough for another try before the deadline."""
        return self.renew_deadline / 2

    @property
    def deaf(self) -> float:
        """A holder whose watch has shown none of its renewals for so long hears nothing any more."""
        return 4 * self.duration

    def problem(self) -> str | None:
        """Return why two could act at once, or nobody for long, with these times, by the flags' names; None if not."""
        if self.duration < 1 or self.duration != int(self.duration):
            return f"--lease-duration ({self.duration:g}s) must be whole seconds, as a Lease counts them"
        if self.retry <= 0:
            return f"--retry-period ({self.retry:g}s) must be longer than 0s"
        if self.renew_deadline >= self.duration:
            return (
                f"--renew-deadline ({self.renew_deadline:g}s) must be shorter than"
                f" --lease-duration ({self.duration:g}s): the holder has to stop before another begins"
            )
        if self.retry * ROOM >= self.renew_deadline:
            return (
                f"--retry-period ({self.retry:g}s) must be shorter than --renew-deadline"
                f" ({self.renew_deadline:g}s) divided by {ROOM:g}: the holder has to renew before it must stop"
            )
        return None


USUAL = Timing()


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


def about(watched: Sequence[str]) -> dict[str, Any]:
    """Return the metadata by which `evonas doctor` finds the Lease of an operator that serves these namespaces."""
    return {"labels": {MANAGED_BY_LABEL: MANAGED_BY}, "annotations": {WATCHED_ANNOTATION: ",".join(watched)}}


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
        ours = seen is None or is_of_term(seen.record, identity, term)
        return Move.RENEW if ours and now - term.confirmed < timing.renew_deadline else Move.LOST
    free = seen is None or seen.record.holder in ("", identity) or now - seen.at >= seen.record.duration
    return Move.ACQUIRE if free else Move.WAIT


def is_of_term(record: LeaseRecord, identity: str, term: Term) -> bool:
    """Say whether a record is of our term: neither another's nor of another life of this identity."""
    return (record.holder, record.acquired) == (identity, term.record.acquired)


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
