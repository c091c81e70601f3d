"""Acquires, renews and releases the Lease; ``cluster.leader.lease`` decides when.

`kubernetes.aio.leaderelection` is not suitable: it measures deadlines by the wall clock, never releases the Lease on
exit (a rollout would wait for it to expire), cannot forbid a write after the deadline, and cancels its work only once a
renewal, which may hang, has returned.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from evonas.cluster.client.api import Api, ApiError, Conflict, NotFound, Unavailable
from evonas.cluster.client.resources import LEASES
from evonas.cluster.leader.lease import (
    USUAL,
    LeaseRecord,
    Move,
    Sighting,
    Term,
    Timing,
    about,
    decide,
    elapsed,
    is_of_term,
    look,
    read_lease,
)
from evonas.metrics import LEADER

logger = logging.getLogger(__name__)

FORBIDDEN = 403
RELEASE_SECONDS = 3.0


class LeaseLost(Exception):
    """Another process may hold the Lease now: this one must end."""


class Election:
    """Acquires a Lease, holds it and releases it."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        name: str,
        identity: str,
        timing: Timing = USUAL,
        clock: Callable[[], float] = elapsed,
        *,
        watched: Sequence[str] = (),
    ) -> None:
        self._api = api
        self.namespace = namespace
        self.name = name
        self.identity = identity
        self.timing = timing
        self._clock = clock
        self._about = about(watched)
        self._seen: Sighting | None = None
        self._term: Term | None = None
        self._hint = asyncio.Event()
        self.since = clock()
        """When this process began to lead, by ``clock``."""
        self.trouble: str | None = "the lease has not been read yet"
        """Why the state of the Lease is unknown; None if it is known."""

    @property
    def leading(self) -> bool:
        """Whether this process may act now."""
        return self._term is not None and self._move() is Move.RENEW

    def check(self) -> None:
        """Raise Unavailable unless this process may act: the last check before every write."""
        if not self.leading:
            raise Unavailable(0, "NotLeader", "the lease is no longer held")

    def hint(self) -> None:
        """Check the Lease now instead of at the next interval: something happened to it."""
        self._hint.set()

    async def acquire(self) -> None:
        """Return once the Lease is ours."""
        holder = ""
        while True:
            self._hint.clear()
            asked = 0.0
            try:
                taken = await self._try_to_acquire()
                self._note(None)
            except ApiError as error:
                taken, asked = False, error.retry_after or 0.0
                cure = "; grant access, or pass --no-leader-election to the only replica"
                self._note(f"lease {self.namespace}/{self.name}: {error}{cure * (error.code == FORBIDDEN)}")
            if taken:
                return
            if self._seen is not None and self._seen.record.holder not in ("", holder):
                holder = self._seen.record.holder
                logger.info("standing by: %s holds the lease %s/%s", holder, self.namespace, self.name)
            try:
                await asyncio.wait_for(self._hint.wait(), max(self.timing.retry, asked))
            except TimeoutError:
                continue

    async def hold(self) -> NoReturn:
        """Renew the Lease until that has failed for too long or another process has it: LeaseLost."""
        assert self._term is not None, "acquire first"
        due = self._term.confirmed + self.timing.retry
        while True:
            end = self._term.confirmed + self.timing.renew_deadline
            await asyncio.sleep(max(0.0, min(due, end) - self._clock()))
            self._end_if_lost()
            # Counted from the start of a try: one that hung has waited long enough.
            due = self._clock() + self.timing.retry
            try:
                async with asyncio.timeout(end - self._clock()):
                    await self._renew(self._term)
                self._note(None)
            except (ApiError, TimeoutError) as error:
                self._note(f"lease {self.namespace}/{self.name} not renewed: {str(error) or 'no answer'}")
            self._end_if_lost()

    async def release(self) -> None:
        """Let the next leader start at once; the caller has stopped everything that acts."""
        term, lost = self._term, self._move() is not Move.RENEW
        self._term = None
        LEADER.set(0)
        if term is None or lost:
            return
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._give_back(term)
        except (ApiError, TimeoutError) as error:
            logger.warning("the lease was not released and will expire: %s", str(error) or "no answer")

    async def _give_back(self, term: Term) -> None:
        nobody = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
        try:
            await self._patch(term.record, nobody)
        except Conflict:
            # A renewal may have been on its way when this process was told to end, and its answer was not awaited.
            record = await self._look()
            if record is None or not is_of_term(record, self.identity, term):
                return
            await self._patch(record, nobody)
        logger.info("released the lease")

    async def _try_to_acquire(self) -> bool:
        record = await self._look()
        if self._move() is not Move.ACQUIRE:
            return False
        now = _now()
        spec = {
            "holderIdentity": self.identity,
            "acquireTime": now,
            "renewTime": now,
            "leaseDurationSeconds": int(self.timing.duration),
            "leaseTransitions": 0 if record is None else record.transitions + 1,
        }
        sent = self._clock()
        try:
            self._begin(await (self._create(spec) if record is None else self._patch(record, spec, self._about)), sent)
        except Conflict:
            return False
        self.since = sent
        LEADER.set(1)
        logger.info("leading as %s, holding the lease %s/%s", self.identity, self.namespace, self.name)
        return True

    async def _renew(self, term: Term) -> None:
        sent = self._clock()
        try:
            self._begin(await self._patch(term.record, {"renewTime": _now()}), sent)
        except (Conflict, NotFound):
            # It changed: by another holder, a person, or our own renewal whose answer was lost.
            record = await self._look()
            if record is None:
                held = term.record
                spec = {
                    "holderIdentity": self.identity,
                    "acquireTime": held.acquired,
                    "renewTime": _now(),
                    "leaseDurationSeconds": int(held.duration),
                    "leaseTransitions": held.transitions,
                }
                self._begin(await self._create(spec), sent)
            elif self._move() is Move.RENEW:
                self._begin(await self._patch(record, {"renewTime": _now()}), sent)

    def _begin(self, record: LeaseRecord, sent: float) -> None:
        self._term = Term(record, sent)
        self._seen = Sighting(record, self._clock())

    def _move(self) -> Move:
        return decide(self.identity, self._seen, self._term, self._clock(), self.timing)

    def _end_if_lost(self) -> None:
        if self._move() is not Move.LOST:
            return
        assert self._term is not None
        assert self._seen is not None
        LEADER.set(0)
        age = self._clock() - self._term.confirmed
        if age >= self.timing.renew_deadline:
            raise LeaseLost(f"the lease {self.namespace}/{self.name} was not renewed for {age:.1f} s")
        raise LeaseLost(f"the lease {self.namespace}/{self.name} was taken by {self._seen.record.holder or 'nobody'}")

    async def _look(self) -> LeaseRecord | None:
        try:
            record = read_lease(await self._api.get(LEASES, self.namespace, self.name))
        except NotFound:
            record = None
        self._seen = look(self._seen, record, self._clock())
        return record

    async def _create(self, spec: Mapping[str, Any]) -> LeaseRecord:
        body = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self.name, **self._about},
            "spec": spec,
        }
        return read_lease(await self._api.create(LEASES, self.namespace, body))

    async def _patch(
        self, record: LeaseRecord, spec: Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> LeaseRecord:
        body = {"metadata": {"resourceVersion": record.version, **(metadata or {})}, "spec": spec}
        return read_lease(await self._api.merge(LEASES, self.namespace, self.name, body))

    def _note(self, trouble: str | None) -> None:
        if trouble is not None and trouble != self.trouble:
            logger.warning("%s", trouble)
        self.trouble = trouble


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
