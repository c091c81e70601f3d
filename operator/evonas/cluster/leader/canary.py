"""Watches the operator's own Lease: what it writes there must come back, or its watches are deaf.

A stream that stays open but delivers nothing fails without any error. The Lease changes every few seconds and takes the
same path as everything the operator depends on: to the API server, through its watch cache and back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from evonas.cluster.client.api import Api, ApiError
from evonas.cluster.client.resources import LEASES
from evonas.cluster.leader.election import Election
from evonas.cluster.leader.lease import LeaseRecord, elapsed, read_lease
from evonas.metrics import LEASE_RENEWAL_AGE

logger = logging.getLogger(__name__)


class Canary:
    """Knows how long ago the Lease was last seen to change, and notifies the election when it is free."""

    def __init__(self, api: Api, election: Election, clock: Callable[[], float] = elapsed) -> None:
        self._api = api
        self._election = election
        self._clock = clock
        self._version = 0
        self._changed = clock()
        LEASE_RENEWAL_AGE.set_function(lambda: self.age)

    @property
    def age(self) -> float:
        """Seconds since the watch saw the Lease change."""
        return self._clock() - self._changed

    def problem(self) -> str | None:
        """Return why a leader is deaf; None if it is not, and for a standby, which has nothing to hear."""
        deaf = min(self.age, self._clock() - self._election.since)
        if not self._election.leading or deaf < self._election.timing.deaf:
            return None
        return f"the lease is renewed, but its watch has not seen that for {deaf:.0f} s"

    async def run(self) -> None:
        """Watch until cancelled, whatever happens to the streams."""
        election = self._election
        # A stream that says nothing while a Lease runs out is opened anew: every leader renews far more often.
        silence = election.timing.duration
        last = ""
        while True:
            try:
                async for body in self._api.watch(LEASES, election.namespace, election.name, silence=silence):
                    self._take_in(None if body is None else read_lease(body))
                    last = ""
            except ApiError as error:
                if str(error) != last:
                    logger.warning("watch of the lease: %s", error)
                last = str(error)
            await asyncio.sleep(election.timing.retry)

    def _take_in(self, record: LeaseRecord | None) -> None:
        # A new stream begins with the current state, which may be already known or, from a lagging cache, outdated.
        if record is not None and int(record.version) > self._version:
            self._version = int(record.version)
            self._changed = self._clock()
        if record is None or not record.holder:
            self._election.hint()
