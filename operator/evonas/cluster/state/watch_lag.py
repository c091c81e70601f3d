"""Listens for the operator's own writes in its watches: what it writes must come back, or the watch is deaf.

kopf shows its handlers neither bookmarks nor when a stream last delivered anything, and a quiet cluster looks like a
deaf stream. Our own writes tell the two apart: they take the same path as everybody else's, and we know that they have
happened. Pods are not listened for, because the operator never writes one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from evonas.cluster.client.resources import Resource
from evonas.cluster.state.records import Versioned


@dataclass(frozen=True)
class _Probe:
    uid: str
    version: int
    since: float


_Scope = tuple[str, str]
"""Kind and namespace: within one, a stream delivers versions in order."""


class WatchLag:
    """Listens for one write at a time in each namespace and kind; for the next one once that has come back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: dict[_Scope, int] = {}
        self._probes: dict[_Scope, _Probe] = {}

    def wrote(self, resource: Resource, record: Versioned) -> None:
        """Note what a write returned."""
        scope = (resource.plural, record.namespace)
        # The stream may have been faster than the answer, and a write that changes nothing creates no version.
        if scope not in self._probes and record.version > self._heard.get(scope, 0):
            self._probes[scope] = _Probe(record.uid, record.version, self._clock())

    def heard(self, resource: Resource, record: Versioned) -> None:
        """Note what a watch has delivered."""
        scope = (resource.plural, record.namespace)
        self._heard[scope] = max(record.version, self._heard.get(scope, 0))
        probe = self._probes.get(scope)
        if probe is not None and probe.version <= self._heard[scope]:
            del self._probes[scope]

    def forget(self, resource: Resource, record: Versioned) -> None:
        """Note that an object is gone though the watch did not say so: its writes cannot come back."""
        scope = (resource.plural, record.namespace)
        if scope in self._probes and self._probes[scope].uid == record.uid:
            del self._probes[scope]

    def age(self, resource: Resource) -> float:
        """Return for how many seconds the oldest write of that kind has been awaited; 0 if none is."""
        awaited = [probe.since for (plural, _), probe in self._probes.items() if plural == resource.plural]
        return self._clock() - min(awaited) if awaited else 0.0
