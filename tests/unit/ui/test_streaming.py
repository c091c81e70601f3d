"""What changes is told at once, to everybody, for as long as they look, and not a moment longer."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import quote

import pytest

from evonas.local.journal import Journal, open_journal
from evonas.sources.live.directory import LiveSearches
from evonas.sources.live.places import RunsPlace
from evonas.sources.live.seen import Notice, NoticeKind
from evonas.ui.changes import BEAT_SECONDS, MOST_VIEWERS, MOST_WATCHED, Changes, TooManyViewers
from harness.waiting import PATIENCE, wait_for
from tests.page.serving import Server
from tests.unit.search.support import search_body, succeeded, trial

Told = tuple[str, dict[str, object]]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A run under way."""
    opened = open_journal(tmp_path / "runs" / "here", {**search_body(), "metadata": {"name": "here"}})
    yield opened
    opened.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "runs").mkdir()
    server = Server(tmp_path / "ui.log", [str(tmp_path / "runs")])
    server.start()
    yield server
    if server.process is not None:
        assert server.stop() == 0, server.log


@dataclass
class Stream:
    """An open stream of changes."""

    answer: HTTPResponse
    told: list[Told] = field(default_factory=list)

    def next(self) -> Told:
        """Return the next event."""
        kind = ""
        while True:
            line = self.answer.readline().decode()
            assert line, "the stream has ended"
            if line.startswith("event: "):
                kind = line.removeprefix("event: ").strip()
            elif line.startswith("data: "):
                return kind, json.loads(line.removeprefix("data: "))

    def until(self, wanted: Callable[[str, dict[str, object]], bool]) -> float:
        """Read on to the first event that is wanted, and return when it came."""
        while not wanted(*self.next()):
            pass
        return time.monotonic()


@contextmanager
def looking_at(server: Server, *ids: str) -> Iterator[Stream]:
    connection = HTTPConnection(server.address.removeprefix("http://"), timeout=PATIENCE)
    query = "&".join(f"id={quote(id)}" for id in ids)
    connection.request("GET", f"/api/v1/changes?{query}")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.headers["content-encoding"] is None
    try:
        yield Stream(answer)
    finally:
        connection.close()


def test_a_trials_end_is_told_within_a_second(server: Server, journal: Journal) -> None:
    wait_for("the run", lambda: server.get("/api/v1/searches")["searches"])
    late = []
    with looking_at(server, "run:here") as stream:
        stream.until(lambda kind, notice: kind == "search")
        for index in range(5):
            journal.write(trial(index))
            stream.until(lambda kind, notice: kind == "search")
            revision = server.get("/api/v1/searches/run:here/trials")["revision"]
            began = time.monotonic()
            journal.write(succeeded(index, reward=0.1 * index))

            def has_ended(kind: str, notice: dict[str, object], since: int = revision, index: int = index) -> bool:
                columns = server.get(f"/api/v1/searches/run:here/trials?since={since}")["columns"]
                return kind == "search" and (columns["index"], columns["state"]) == ([index], ["Succeeded"])

            late.append(stream.until(has_ended) - began)
    # The best of five: a busy machine is not a failure of the code.
    assert min(late) < 1, late


def test_silence_is_broken_by_beats(server: Server, journal: Journal) -> None:
    with looking_at(server) as stream:
        began = time.monotonic()
        stream.until(lambda kind, notice: kind == "beat")
        assert time.monotonic() - began < 5 + PATIENCE / 10
        assert BEAT_SECONDS < 5


def test_what_does_not_exist_is_told_as_gone_and_later_as_there(server: Server, tmp_path: Path) -> None:
    with looking_at(server, "run:later") as stream:
        stream.until(lambda kind, notice: (kind, notice["id"]) == ("gone", "run:later"))
        open_journal(tmp_path / "runs" / "later", {**search_body(), "metadata": {"name": "later"}}).close()
        stream.until(lambda kind, notice: (kind, notice["id"]) == ("search", "run:later"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_and_in_peace_though_streams_are_open(server: Server, journal: Journal, number: int) -> None:
    assert server.process is not None
    with looking_at(server, "run:here") as one, looking_at(server) as other:
        one.until(lambda kind, notice: kind == "search")
        other.until(lambda kind, notice: kind == "searches")
        began = time.monotonic()
        os.kill(server.process.pid, number)
        assert server.process.wait(PATIENCE) == 0
        took = time.monotonic() - began
        # Both have an end, as a complete answer has one: nobody is cut off.
        for stream in (one, other):
            while stream.answer.readline():
                pass
    server.process = None
    assert "Traceback" not in server.log
    assert took < 10, f"it took {took:.1f} s"


def test_viewers_who_leave_are_forgotten(server: Server, journal: Journal) -> None:
    for _ in range(3 * MOST_VIEWERS // 100):
        for _ in range(100):
            with looking_at(server):
                pass
    with looking_at(server) as stream:
        stream.until(lambda kind, notice: kind == "searches")


def test_who_looks_at_too_much_is_told_so(server: Server) -> None:
    ids = "&".join(f"id={number}" for number in range(MOST_WATCHED + 1))
    status, text = server.ask(f"/api/v1/changes?{ids}")
    assert (status, "message" in json.loads(text)) == (422, True)


# Without a socket.


@asynccontextmanager
async def changes(tmp_path: Path) -> AsyncIterator[Changes]:
    async with LiveSearches([RunsPlace(tmp_path / "none")]) as live:
        await live.ready()
        yield Changes(live)


async def _batch(stream: AsyncIterator[bytes]) -> list[Told]:
    text = (await asyncio.wait_for(anext(stream), PATIENCE)).decode()
    events = [dict(line.split(": ", 1) for line in event.splitlines()) for event in text.strip().split("\n\n")]
    return [(event["event"], json.loads(event["data"])) for event in events if "data" in event]


async def test_what_could_not_be_read_yet_is_not_said_to_be_gone(tmp_path: Path) -> None:
    # Nobody has begun to look.
    stream = Changes(LiveSearches([RunsPlace(tmp_path / "none")])).stream(["run:a"])
    await _batch(stream)
    assert [kind for kind, _ in await _batch(stream)] == ["searches", "source"]


async def test_many_changes_are_one_notice_a_kind_and_search(tmp_path: Path) -> None:
    async with changes(tmp_path) as told:
        stream = told.stream(["run:a"])
        assert await _batch(stream) == []
        assert [kind for kind, _ in await _batch(stream)] == ["searches", "source", "gone"]
        began = time.monotonic()
        batches = []
        for _ in range(4):
            for revision in range(1000):
                told.note(Notice(NoticeKind.TRIALS, revision, "run:a"))
                told.note(Notice(NoticeKind.CURVES, revision, "run:b"))
            batches.append(await _batch(stream))
        assert batches == [[("search", {"kind": "search", "revision": 999, "id": "run:a"})]] * 4
        assert time.monotonic() - began > 0.6, "four batches a second at most"
        await stream.aclose()  # type: ignore[attr-defined]
        assert told.viewers == 0


async def test_who_was_away_is_told_everything(tmp_path: Path) -> None:
    async with changes(tmp_path) as told:
        stream = told.stream(["run:a"])
        await _batch(stream)
        await _batch(stream)
        told.note(Notice(NoticeKind.LOST, 0))
        assert [kind for kind, _ in await _batch(stream)] == ["searches", "source", "gone"]


async def test_a_change_during_the_pause_is_not_kept_for_the_next_beat(tmp_path: Path) -> None:
    async with changes(tmp_path) as told:
        stream = told.stream([])
        await _batch(stream)
        await _batch(stream)
        told.note(Notice(NoticeKind.SOURCE, 1))
        await _batch(stream)
        waiting = asyncio.ensure_future(anext(stream))
        # It is in its pause now.
        await asyncio.sleep(0)
        told.note(Notice(NoticeKind.SOURCE, 2))
        began = time.monotonic()
        assert b'"revision":2' in await waiting
        assert time.monotonic() - began < BEAT_SECONDS / 2


async def test_there_are_so_many_viewers_and_no_more(tmp_path: Path) -> None:
    async with changes(tmp_path) as told:
        streams = [told.stream([]) for _ in range(MOST_VIEWERS)]
        for stream in streams:
            await _batch(stream)
        with pytest.raises(TooManyViewers):
            told.stream([])
        told.end()
        for stream in streams:
            assert [part async for part in stream][1:] == []
        assert told.viewers == 0
        told.stream([])
