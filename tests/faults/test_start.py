"""The operator starts whatever the API server answers meanwhile, and goes on where its streams are given up."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from evonas.cluster.client.connection import load_connection
from evonas.cluster.client.resources import JOBS, LEASES, PODS, SEARCHES, TRIALS
from evonas.cluster.state.store import Store
from evonas.cluster.state.watch_lag import WatchLag
from evonas.operator.handlers import StreamsLost, run_streams
from tests.faults import faults
from tests.faults.field import TRIALS_OF_SEARCH, Field, Site, Try, faulty_search
from tests.faults.invariants import assert_sound
from tests.faults.proxy import Answer, Fault, Forward, Request, Rule

pytestmark = [pytest.mark.kwok, pytest.mark.jobset]

START = {f"{verb} {kind.plural}" for kind in (PODS, JOBS, TRIALS, SEARCHES) for verb in ("list", "watch")}
START |= {f"{verb} {LEASES.plural}" for verb in ("get", "create", "watch")}
DISCOVERY = {"/api", "/apis", "/api/v1", "/apis/batch/v1", f"/apis/{SEARCHES.api_version}"}


async def test_start_goes_on_whatever_call_of_it_fails(field: Field) -> None:
    """The first and the third time that anything is listed, watched or discovered, or that the lease is touched."""

    def failing(name: str, fault: Fault) -> Try:
        async def attempt(here: Site) -> None:
            rule = here.proxy.add(faults.on_start(fault))
            await here.apply(faulty_search())
            here.start(elected=True)
            await here.complete()
            assert_sound(here.story, attempts=TRIALS_OF_SEARCH)
            await here.until_so(lambda: {request.kind for request in rule.hits} >= START)
            assert {request.path for request in rule.hits} >= DISCOVERY
            # kopf dies of the others and is restarted: it closes its session of streams, or takes the answer for final.
            assert name in ("401", "410") or "Traceback" not in here.log

        return attempt

    every = {str(code): faults.answer(code) for code in (401, 410, 503)}
    every |= {"cut": faults.cut_before, "429": faults.answer(429, retry_after=1)}
    await field.each((name, failing(name, fault)) for name, fault in every.items())


async def test_start_waits_for_a_server_that_is_away_and_ends_where_our_kinds_are_missing(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(faulty_search())
        await here.proxy.refuse()
        operator = here.start()
        await here.until_so(lambda: "looking for architecturesearches: trying again" in here.log)
        here.proxy.add(faults.on_kind("list architecturetrials", faults.answer(404)))
        await here.proxy.accept()
        await here.until_so(lambda: not operator.is_alive)
        assert "the cluster has no architecturetrials.evonas.dev; apply crds/ first" in here.log
        here.start()
        await here.complete()
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH)

    await field.run(attempt)


async def test_streams_that_kopf_gives_up_leave_none_behind_and_end_nothing_else(field: Field) -> None:
    """It ended with the operator when one list was answered 410; beside those of the next start, others had gone on."""

    async def attempt(here: Site) -> None:
        here.proxy.add(faults.on_kind("list jobs", faults.answer(410)))
        connection = await load_connection(here.kubeconfig)
        ours = asyncio.create_task(asyncio.Event().wait())
        loop, stop, started = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        try:
            with pytest.raises(StreamsLost, match="Expired") as lost:
                await run_streams(connection, Store(), WatchLag(), [here.namespace], stop, started)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
        assert lost.value.bug is None
        assert {request.kind for request in here.proxy.requests} >= {"list pods", "list jobs"}
        assert [task.get_name() for task in asyncio.all_tasks() if "watcher" in task.get_name()] == []
        assert not ours.done()
        ours.cancel()

    await field.run(attempt)


async def test_start_waits_until_the_server_lists_our_kinds(field: Field) -> None:
    """Right after its own start it serves them before it lists them; kopf asks once, and would watch them never."""

    async def leave_out(request: Request, forward: Forward) -> Answer:
        found = await forward()
        listed = json.loads(found.body)
        listed["groups"] = [group for group in listed["groups"] if group["name"] != SEARCHES.group]
        return Answer(found.code, json.dumps(listed).encode(), found.headers)

    async def attempt(here: Site) -> None:
        rule = here.proxy.add(Rule(lambda request: request.path == "/apis", leave_out, times=2))
        here.start()
        await here.until_so(lambda: len(rule.hits) == 2)
        await here.apply(faulty_search())
        await here.complete()
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH)

    await field.run(attempt)
