"""Logs read over real HTTP into the store: what is asked for and when, whatever becomes of the connection."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web

from evonas.cluster.control import log_readers
from evonas.cluster.control.log_readers import LogReaders
from evonas.cluster.control.log_rights import LogRights
from evonas.cluster.state.attempt_views import view_attempts
from evonas.cluster.state.readings import Reading
from evonas.cluster.state.records import ContainerState, PodRecord
from evonas.cluster.state.store import Store
from evonas.search.attempt import AttemptPhase, AttemptView, Verdict
from evonas.search.trial_progress import Progress
from evonas.spec import SearchSpec
from tests.unit.cluster.client.test_watch import server
from tests.unit.cluster.objects import job_record, pod_record, trial_record
from tests.unit.search.support import NOW, search_spec, trial

RUNS = ContainerState(started=NOW)
ENDED = replace(RUNS, exit_code=0, finished=NOW)
RUNGS = {"rungs": {"steps": [1, 3, 9]}}
OBJECTIVE = {"metric": "accuracy"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def reading_spec(value: str = "Last", **spec: object) -> SearchSpec:
    return search_spec(objective=OBJECTIVE, trial={"report": {"from": "Logs", "value": value}}, **spec)


class Field:
    """A store with one trial, whose pod's log is served by a handler."""

    def __init__(self, readers: LogReaders, store: Store, spec: SearchSpec) -> None:
        self.store, self.spec, self.readers = store, spec, readers
        self.changed = asyncio.Event()
        store.subscribe(lambda _: self.changed.set())
        store.put_trial(trial_record(trial(0)))
        store.put_workload(job_record(0))
        self.pod = pod_record(0)

    def show(self, state: ContainerState, **fields: object) -> None:
        """Have the pod's container be in that state, and what is to be read of it begun to be read."""
        self.pod = replace(self.pod, version=self.pod.version + 1, containers={"trial": state}, **fields)  # type: ignore[arg-type]
        self.store.put_pod(self.pod)
        self.readers.keep_up("u", self.spec)

    @property
    def reading(self) -> Reading:
        return self.store.children("u").readings.get(self.pod.uid, Reading())

    @property
    def view(self) -> AttemptView:
        return view_attempts(self.spec, self.store.children("u"), NOW + timedelta(seconds=1))[0]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self.changed.clear()
                await self.changed.wait()
                self.readers.keep_up("u", self.spec)


@asynccontextmanager
async def field(handler: Handler, spec: SearchSpec | None = None) -> AsyncIterator[Field]:
    async with server(handler) as api:
        store = Store()
        readers = LogReaders(api, store, LogRights(api))
        yield Field(readers, store, spec or reading_spec())
        readers.forget("u")


def serving(*parts: bytes, asked: list[str] | None = None, endless: bool = False) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        if asked is not None:
            asked.append(request.query["follow"])
        assert request.path == "/api/v1/namespaces/n/pods/s-a1-x/log"
        assert request.query["container"] == "trial"
        answer = web.StreamResponse()
        await answer.prepare(request)
        for part in parts:
            await answer.write(part)
        while endless and request.query["follow"] == "true" and request.transport is not None:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
        return answer

    return handle


def refusing(status: int, *, times: int, then: Handler) -> Handler:
    left = times

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal left
        left -= 1
        return await then(request) if left < 0 else web.json_response({"message": "not now"}, status=status)

    return handle


async def test_attempt_that_ended_well_runs_on_until_its_output_was_read() -> None:
    asked: list[str] = []
    async with field(serving(b"epoch 1\naccuracy=0.5\n", b"accuracy=0.75", asked=asked)) as here:
        here.show(RUNS)
        assert asked == []
        here.show(ENDED)
        assert here.view.phase is AttemptPhase.RUNNING
        await here.until(lambda: here.reading.report)
        view = here.view
        assert (view.phase, view.end_time, asked) == (AttemptPhase.ENDED, NOW, ["false"])
        assert view.ending is not None
        assert view.ending.report is not None
        assert (view.ending.verdict, view.ending.report.metrics) == (Verdict.REPORTED, {"accuracy": 0.75})
        # Once read it is not read again.
        here.readers.keep_up("u", here.spec)
        await asyncio.sleep(0.05)
        assert asked == ["false"]


@pytest.mark.parametrize(
    ("state", "pod"),
    [
        (replace(ENDED, exit_code=1), {}),
        (replace(ENDED, exit_code=65), {}),
        (ENDED, {"deletion": NOW}),
        (ENDED, {"disrupted": "PreemptionByScheduler"}),
        (ENDED, {"gone": True}),
    ],
)
async def test_output_of_what_failed_or_was_ended_from_outside_is_not_read(
    state: ContainerState, pod: dict[str, object]
) -> None:
    asked: list[str] = []
    async with field(serving(b"accuracy=0.5\n", asked=asked), reading_spec(fidelity=RUNGS)) as here:
        here.show(state, **pod)
        await asyncio.sleep(0.05)
        assert asked == []
        ending = here.view.ending
        assert ending is None or ending.report is None or not ending.report.metrics


@pytest.mark.parametrize("spec", [reading_spec(fidelity=RUNGS), reading_spec("Best")], ids=["rungs", "best"])
async def test_running_container_is_followed_if_its_values_on_the_way_matter(spec: SearchSpec) -> None:
    asked: list[str] = []
    async with field(serving(b"epoch 1 accuracy=0.5\n", asked=asked, endless=True), spec) as here:
        here.show(RUNS)
        if spec.fidelity is not None:
            await here.until(lambda: here.reading.progress)
            progress = Progress(1, {"accuracy": 0.5}, {1: {"accuracy": 0.5}})
            assert (here.reading, here.view.progress) == (Reading(progress), progress)
        async with asyncio.timeout(60):
            while not asked:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
        here.show(ENDED)
        await here.until(lambda: here.reading.report)
        assert asked == ["true", "false"]


@pytest.mark.parametrize(
    "spec",
    [reading_spec(), reading_spec(fidelity={**RUNGS, "mode": "Pause"}), search_spec(fidelity=RUNGS)],
    ids=["last", "pausing", "reporting by itself"],
)
async def test_running_container_is_not_followed_if_only_its_end_matters(spec: SearchSpec) -> None:
    asked: list[str] = []
    async with field(serving(b"", asked=asked), spec) as here:
        here.show(RUNS)
        await asyncio.sleep(0.05)
        assert asked == []


async def test_last_line_that_a_broken_connection_has_missed_is_read_at_the_end() -> None:
    output = [b"epoch 1 accuracy=0.5\n"]

    async def handle(request: web.Request) -> web.StreamResponse:
        return await serving(*output)(request)

    async with field(handle, reading_spec("Best", fidelity=RUNGS)) as here:
        here.show(RUNS)
        await here.until(lambda: here.reading.progress)
        # The stream is over. What was printed first is gone by now: the log was rotated.
        output[:] = [b"epoch 9 accuracy=0.25\n"]
        here.show(ENDED)
        await here.until(lambda: here.reading.report)
        assert here.reading.report is not None
        assert here.reading.report.metrics == {"accuracy": 0.5}
        rungs = {1: {"accuracy": 0.5}, 9: {"accuracy": 0.25}}
        assert here.reading.progress == Progress(9, {"accuracy": 0.25}, rungs)


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_log_that_cannot_be_read_now_is_read_later(status: int) -> None:
    async with field(refusing(status, times=2, then=serving(b"accuracy=0.5\n"))) as here:
        here.show(ENDED)
        await here.until(lambda: here.reading.report)
        assert here.reading.report is not None
        assert here.reading.report.metrics == {"accuracy": 0.5}


async def test_search_is_looked_at_again_when_the_right_that_it_had_is_gone() -> None:
    allowed = True

    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response({"message": "no"}, status=404 if allowed else 403)

    async with server(handle) as api:
        rights, store = LogRights(api), Store()
        here = Field(LogReaders(api, store, rights), store, reading_spec())
        assert await rights.find_refusal("n") is None
        allowed = False
        here.show(ENDED)
        here.changed.clear()
        await asyncio.wait_for(here.changed.wait(), 60)
        assert await rights.find_refusal("n") is not None
        here.readers.forget("u")


LOST: dict[str, tuple[Handler, str]] = {
    "pod": (refusing(404, times=99, then=serving()), "its pod was gone before its output was read"),
    "file": (
        serving(b"unable to retrieve container logs for containerd://0a1b"),
        "its output is gone: unable to retrieve container logs for containerd://0a1b",
    ),
    "node": (refusing(500, times=99, then=serving()), "its output could not be read for 0 s: not now"),
}


@pytest.mark.parametrize(("handler", "why"), LOST.values(), ids=LOST)
async def test_attempt_whose_output_is_gone_says_nothing_of_its_candidate(
    handler: Handler, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_readers, "PATIENCE", 0.0)
    async with field(handler) as here:
        here.show(ENDED)
        await here.until(lambda: here.reading.lost)
        ending = here.view.ending
        assert ending is not None
        assert (ending.verdict, ending.reason) == (Verdict.BROKEN, "OutputLost")
        assert ending.message.startswith(why)


async def test_log_of_a_hundred_megabytes_costs_no_memory() -> None:
    filling = b"x" * 9_999 + b"\n"
    parts = [b"accuracy=0.5\n", *[filling * 100] * 100, b"accuracy=0.75\n"]
    async with field(serving(*parts)) as here:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        here.show(ENDED)
        await here.until(lambda: here.reading.report)
        most = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        assert here.reading.report is not None
        assert here.reading.report.metrics == {"accuracy": 0.75}
        # The server's side of the connection is in here, too, with the megabyte that it writes at once.
        assert most < 8 << 20


async def test_only_results_at_rungs_make_a_search_plan_again() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for epoch in range(1, 10):
            await answer.write(f"epoch {epoch} accuracy=0.{epoch}\n".encode())
            await asyncio.sleep(0.02)
        return answer

    async with field(handle, reading_spec(fidelity=RUNGS)) as here:
        told: list[int] = []

        def tell(_: str) -> None:
            here.changed.set()
            if here.reading.progress is not None:
                told.append(len(here.reading.progress.rungs))

        here.store.subscribe(tell)
        here.show(RUNS)
        await here.until(lambda: here.reading.progress and len(here.reading.progress.rungs) == 3)
        assert told == [1, 2, 3]


async def test_who_stops_asking_has_nothing_read_any_more() -> None:
    gone = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await serving(b"epoch 1 accuracy=0.5\n", endless=True)(request)
        finally:
            gone.set()

    async with field(handle, reading_spec(fidelity=RUNGS)) as here:
        here.show(RUNS)
        await here.until(lambda: here.reading.progress)
        here.readers.forget("u")
        await asyncio.wait_for(gone.wait(), 60)


async def test_right_is_asked_for_once_and_again_as_long_as_it_is_missing() -> None:
    allowed, asked, now = False, 0, 0.0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        message = "pods not found" if allowed else 'pods is forbidden: cannot get resource "pods/log"'
        return web.json_response({"message": message}, status=404 if allowed else 403)

    async with server(handle) as api:
        rights = LogRights(api, lambda: now)
        for _ in range(2):
            refusal = await rights.find_refusal("team")
            assert refusal is not None
            assert (refusal.reason, 'cannot get resource "pods/log"' in refusal.message) == ("LogsForbidden", True)
        assert asked == 1
        allowed, now = True, 20.0
        assert [await rights.find_refusal("team") for _ in range(2)] == [None, None]
        assert asked == 2
        rights.forget("team")
        assert await rights.find_refusal("team") is None
        assert asked == 3


def test_reading_of_a_pod_is_kept_as_long_as_the_pod() -> None:
    store = Store()
    store.put_trial(trial_record(trial(0)))
    pod: PodRecord = pod_record(0)
    store.put_reading(pod, Reading(lost="never seen"))
    assert store.children("u").readings == {}
    store.put_pod(pod)
    store.put_reading(pod, Reading(lost="read"))
    assert store.children("u").readings == {"p": Reading(lost="read")}
    store.drop_pod(pod)
    store.children("u").forget_pods(0)
    assert store.children("u").readings == {}
