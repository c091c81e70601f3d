"""Taking, holding and giving back a Lease, in virtual time, against one that lies in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from evonas.cluster.client.api import Api, Conflict, NotFound, Unavailable
from evonas.cluster.leader.canary import Canary
from evonas.cluster.leader.election import Election, LeaseLost
from evonas.cluster.leader.lease import Timing

pytestmark = pytest.mark.looptime(start=0)


class Server:
    """One Lease, and the three calls that an election makes."""

    def __init__(self) -> None:
        self.body: dict[str, Any] | None = None
        self.version = 0
        self.trouble: Exception | None = None
        self.delay = 0.0
        self.answers_lost = 0
        self.answer_delay = 0.0

    async def get(self, *_: Any) -> dict[str, Any]:
        await self._reach()
        if self.body is None:
            raise NotFound(404, "NotFound", "no lease")
        return self.body

    async def create(self, resource: Any, namespace: str, body: Mapping[str, Any]) -> dict[str, Any]:
        await self._reach()
        if self.body is not None:
            raise Conflict(409, "AlreadyExists", "there is one")
        return self.put(dict(body["spec"]))

    async def merge(self, resource: Any, namespace: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        await self._reach()
        if self.body is None:
            raise NotFound(404, "NotFound", "no lease")
        if self.body["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", "it changed")
        answer = self.put({**self.body["spec"], **body["spec"]})
        if self.answers_lost > 0:
            self.answers_lost -= 1
            raise Unavailable(0, "Unreachable", "reset")
        await asyncio.sleep(self.answer_delay)
        return answer

    def put(self, spec: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.body = {"metadata": {"resourceVersion": str(self.version)}, "spec": spec}
        return self.body

    @property
    def holder(self) -> str:
        assert self.body is not None
        return str(self.body["spec"]["holderIdentity"])

    async def _reach(self) -> None:
        await asyncio.sleep(self.delay)
        if self.trouble is not None:
            raise self.trouble


def now() -> float:
    return asyncio.get_running_loop().time()


def election(server: Server, identity: str) -> Election:
    return Election(cast(Api, server), "here", "lease", identity, clock=now)


async def leader(server: Server, identity: str = "first") -> Election:
    found = election(server, identity)
    await found.acquire()
    return found


async def test_a_free_lease_is_taken_at_once_and_may_be_acted_on() -> None:
    server = Server()
    first = election(server, "first")
    with pytest.raises(Unavailable, match="no longer held"):
        first.check()
    await first.acquire()
    first.check()
    assert (now(), server.holder, first.trouble) == (0, "first", None)


async def test_another_waits_until_it_runs_out_by_its_own_clock() -> None:
    server = Server()
    await leader(server)
    await asyncio.sleep(100)
    second = election(server, "second")
    await second.acquire()
    # It knows nothing of the hundred seconds before it came.
    assert 115 <= now() <= 117
    assert server.holder == "second"


async def test_a_release_is_taken_at_the_next_look_or_at_a_hint() -> None:
    server = Server()
    first = await leader(server)
    second = election(server, "second")
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(1.1)
    await first.release()
    assert not first.leading
    second.hint()
    await waiting
    assert now() == 1.1
    third = election(server, "third")
    waiting = asyncio.create_task(third.acquire())
    await asyncio.sleep(0.5)
    await second.release()
    await waiting
    assert now() <= 1.1 + 2


async def test_the_next_life_of_a_process_takes_its_lease_back_and_ends_the_former() -> None:
    server = Server()
    former = await leader(server)
    await leader(server)
    assert now() == 0
    with pytest.raises(LeaseLost, match="taken by first"):
        await former.hold()


async def test_a_held_lease_is_renewed_and_nobody_else_takes_it() -> None:
    server = Server()
    first = await leader(server)
    holding = asyncio.create_task(first.hold())
    waiting = asyncio.create_task(election(server, "second").acquire())
    await asyncio.sleep(1000)
    assert server.holder == "first"
    assert server.version == pytest.approx(500, abs=2)
    assert first.leading
    for task in (holding, waiting):
        task.cancel()


async def test_who_comes_late_to_hold_it_renews_at_once() -> None:
    """The leader's imports took eight seconds of a slow machine, and the first renewal waited for two more."""
    server = Server()
    first = await leader(server)
    await asyncio.sleep(9.5)
    holding = asyncio.create_task(first.hold())
    await asyncio.sleep(0.1)
    assert server.version == 2
    holding.cancel()


async def test_a_renewal_whose_answer_was_lost_is_recognised() -> None:
    server = Server()
    first = await leader(server)
    holding = asyncio.create_task(first.hold())
    server.answers_lost = 2
    await asyncio.sleep(60)
    assert first.leading
    holding.cancel()


async def test_a_deleted_lease_is_made_again_by_its_holder() -> None:
    server = Server()
    first = await leader(server)
    holding = asyncio.create_task(first.hold())
    waiting = asyncio.create_task(election(server, "second").acquire())
    await asyncio.sleep(0.5)
    server.body = None
    await asyncio.sleep(30)
    assert server.holder == "first"
    for task in (holding, waiting):
        task.cancel()


@pytest.mark.parametrize("hangs", [False, True])
async def test_who_cannot_renew_stops_at_the_deadline(hangs: bool) -> None:
    server = Server()
    first = await leader(server)
    if hangs:
        server.delay = 1000
    else:
        server.trouble = Unavailable(503, "ServiceUnavailable", "down")
    with pytest.raises(LeaseLost, match=r"not renewed for 10\.0 s"):
        await first.hold()
    assert now() == 10
    with pytest.raises(Unavailable):
        first.check()


async def test_an_outage_shorter_than_the_deadline_is_survived() -> None:
    server = Server()
    first = await leader(server)
    holding = asyncio.create_task(first.hold())
    server.trouble = Unavailable(503, "ServiceUnavailable", "down")
    await asyncio.sleep(7)
    assert first.trouble is not None
    server.trouble = None
    await asyncio.sleep(2)
    assert first.leading
    assert first.trouble is None
    holding.cancel()


async def test_time_over_forbids_writes_before_anything_else_noticed() -> None:
    first = await leader(Server())
    await asyncio.sleep(10)
    with pytest.raises(Unavailable, match="no longer held"):
        first.check()


async def test_who_lost_it_does_not_release_it() -> None:
    server = Server()
    first = await leader(server)
    await asyncio.sleep(11)
    await first.release()
    assert server.holder == "first"


async def test_a_release_while_a_renewal_is_on_its_way_is_one() -> None:
    server = Server()
    first = await leader(server)
    holding = asyncio.create_task(first.hold())
    server.answer_delay = 0.1
    await asyncio.sleep(2.05)
    assert server.version == 2, "renewed, but the answer is not here yet"
    holding.cancel()
    await first.release()
    assert server.holder == ""


async def test_what_another_has_taken_meanwhile_is_not_released() -> None:
    server = Server()
    first = await leader(server)
    assert server.body is not None
    server.put({**server.body["spec"], "holderIdentity": "second"})
    await first.release()
    assert server.holder == "second"


async def test_an_unreadable_lease_is_told_and_tried_again() -> None:
    server = Server()
    server.trouble = Unavailable(403, "Forbidden", "not allowed")
    first = election(server, "first")
    waiting = asyncio.create_task(first.acquire())
    await asyncio.sleep(5)
    assert "not allowed; grant access" in str(first.trouble)
    server.trouble = None
    await waiting
    assert first.trouble is None


async def test_a_server_that_asks_a_candidate_to_wait_is_heeded() -> None:
    server = Server()
    server.trouble = Unavailable(429, "TooManyRequests", "later", retry_after=30)
    first = election(server, "first")
    waiting = asyncio.create_task(first.acquire())
    await asyncio.sleep(1)
    server.trouble = None
    await waiting
    assert now() == 30


async def test_shorter_times_hold_throughout() -> None:
    """Who waits takes a lease of three seconds in three, who holds it stops in two, who is deaf is found in twelve."""
    timing = Timing(3, 2, 0.5)
    server = Stale()
    first = Election(cast(Api, server), "here", "lease", "first", timing, clock=now)
    await first.acquire()
    canary = Canary(cast(Api, server), first, clock=now)
    tasks = [asyncio.create_task(part) for part in (first.hold(), canary.run())]
    await asyncio.sleep(11.5)
    assert canary.problem() is None
    await asyncio.sleep(1)
    assert canary.problem() is not None
    server.trouble = Unavailable(503, "ServiceUnavailable", "down")
    with pytest.raises(LeaseLost, match=r"not renewed for 2\.0 s"):
        await tasks[0]
    tasks[1].cancel()
    server.trouble = None
    stopped = now()
    await election(server, "second").acquire()
    assert 3 <= now() - stopped <= 3 + 2


class Deaf(Server):
    """Its watch begins with the present state and then says nothing, until it breaks."""

    async def watch(self, *_: Any, silence: float) -> Any:
        yield dict(self.body) if self.body else None
        await asyncio.sleep(silence)
        raise Unavailable(0, "Unreachable", "silent")


class Hearing(Server):
    """Its watch tells of every change within a second."""

    async def watch(self, *_: Any, silence: float) -> Any:
        while True:
            yield self.body
            await asyncio.sleep(1)


class Stale(Server):
    """Its watch always begins with the same old state."""

    async def watch(self, *_: Any, silence: float) -> Any:
        yield {"metadata": {"resourceVersion": "1"}, "spec": {"holderIdentity": "first"}}
        await asyncio.sleep(1)


@pytest.mark.parametrize(("kind", "alive"), [(Hearing, True), (Deaf, True), (Stale, False)])
async def test_a_leader_is_alive_while_its_watches_show_its_renewals(kind: type[Server], alive: bool) -> None:
    server = kind()
    first = await leader(server)
    canary = Canary(cast(Api, server), first, clock=now)
    tasks = [asyncio.create_task(part) for part in (first.hold(), canary.run())]
    await asyncio.sleep(59)
    assert canary.problem() is None
    await asyncio.sleep(60)
    assert (canary.problem() is None) is alive
    for task in tasks:
        task.cancel()


async def test_a_standby_and_a_leader_that_has_just_begun_are_alive() -> None:
    server = Stale()
    server.put({"holderIdentity": "other", "leaseDurationSeconds": 100})
    second = election(server, "second")
    canary = Canary(cast(Api, server), second, clock=now)
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(90)
    assert canary.age >= 60
    assert canary.problem() is None
    await waiting
    assert second.leading
    assert canary.problem() is None
