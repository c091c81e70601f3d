"""Nobody waits for what somebody else has asked: heavy work is done aside, once for all who ask for the same."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from evonas.ui import analyses
from evonas.ui.encoding import APIECE, Answers, Packed
from evonas.ui.paced import Paced
from evonas.ui.threads import MOST_HEAVY, Once, Turns, in_thread
from evonas.ui.views.analysis import analyse
from harness.waiting import PATIENCE, wait_for
from tests.unit.search.simulation import write_run
from tests.unit.ui.served import API, get, serving_runs


class Gate:
    """Stands in front of an analysis, which waits there until it may go on."""

    def __init__(self, then: Callable[..., Any]) -> None:
        self._then = then
        self._open = threading.Event()
        self.calls = 0

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        assert self._open.wait(PATIENCE)
        return self._then(*arguments)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate(analyse)
    monkeypatch.setattr(analyses, "analyse", gate)
    return gate


def test_an_analysis_is_made_once_and_everybody_else_is_answered_meanwhile(tmp_path: Path, gate: Gate) -> None:
    write_run(tmp_path / "runs", "one")
    with serving_runs(tmp_path / "runs", ["one"]) as client, ThreadPoolExecutor() as pool:
        asked = [pool.submit(get, client, "/searches/run:one/analysis") for _ in range(5)]
        wait_for("the analysis to begin", lambda: gate.calls)
        for path in ("/searches", "/searches/run:one", "/searches/run:one/trials", "/searches/run:one/trials/3"):
            assert client.get(API + path).status_code == 200
        assert not any(each.done() for each in asked)
        gate.open()
        first, *others = [each.result(PATIENCE) for each in asked]
        assert others == [first] * 4
        assert get(client, "/searches/run:one/analysis") == first
        assert gate.calls == 1


def test_an_analysis_of_changed_trials_is_a_new_one(tmp_path: Path, gate: Gate) -> None:
    gate.open()
    runs = tmp_path / "runs"
    write_run(runs, "one")
    with serving_runs(runs, ["one"]) as client:
        before = get(client, "/searches/run:one/analysis")
        journal = runs / "one" / "journal.jsonl"
        content = journal.read_text()
        *kept, last = content.splitlines(keepends=True)
        journal.write_text("".join(kept))
        wait_for("the change", lambda: get(client, "/searches/run:one/trials")["total"] == 29)
        wait_for("its analysis", lambda: get(client, "/searches/run:one/analysis")["revision"] > before["revision"])
        assert last


async def test_whoever_leaves_does_not_end_what_others_wait_for() -> None:
    once, begun, release = Once[str](), asyncio.Event(), asyncio.Event()

    async def make() -> str:
        begun.set()
        await release.wait()
        return "made"

    leaving = asyncio.create_task(once.make("key", make))
    staying = asyncio.create_task(once.make("key", make))
    await begun.wait()
    leaving.cancel()
    release.set()
    assert await staying == "made"


async def test_an_error_reaches_all_who_wait_and_is_not_kept() -> None:
    answers, calls = Answers(), 0

    async def make() -> Packed:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        if calls == 1:
            raise ValueError("broken")
        return Packed.of(b"{}")

    found = await asyncio.gather(*(answers.get("key", make) for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in found] == ["broken"] * 3
    assert (await answers.get("key", make)).content == b"{}"
    assert (await answers.get("key", make)).content == b"{}"
    assert calls == 2


async def test_answers_are_kept_up_to_a_size_the_latest_the_longest() -> None:
    answers, made = Answers(most=3 * (1000 + APIECE)), []

    def making(key: int) -> Callable[[], Any]:
        async def make() -> Packed:
            made.append(key)
            return Packed(bytes(1000), is_packed=False)

        return make

    for key in (1, 2, 3, 1, 4, 1, 2):
        await answers.get(key, making(key))
    assert made == [1, 2, 3, 4, 2]


async def test_who_asks_gets_nothing_older_than_what_they_knew_and_making_it_takes_a_small_share_of_the_time() -> None:
    paced, known, made = Paced(), 0, []

    async def make() -> Packed:
        made.append(known)
        await asyncio.sleep(0.02)
        return Packed.of(str(made[-1]).encode())

    def as_of() -> tuple[str, tuple[int, ...]]:
        return "uid", (known, 0)

    asked = list[tuple[int, asyncio.Task[Packed]]]()
    while len(asked) < 80:
        known += 1
        asked.append((known, asyncio.create_task(paced.get("id", as_of, make))))
        await asyncio.sleep(0.01)
    for knew, task in asked:
        assert int((await task).content) >= knew
    assert len(made) < 0.3 * len(asked), (len(made), len(asked))


async def test_what_must_be_the_same_is_and_an_answer_begun_later_is_new_enough() -> None:
    paced, identity = Paced(), 0

    async def make() -> Packed:
        return Packed.of(str(identity).encode())

    def as_of() -> tuple[int, tuple[int, ...]]:
        nonlocal identity
        identity += 1
        return identity, (0,)

    assert (await asyncio.wait_for(paced.get("id", as_of, make), PATIENCE)).content == b"2"
    assert int((await asyncio.wait_for(paced.get("id", as_of, make), PATIENCE)).content) > 2


async def test_heavy_work_takes_turns() -> None:
    turns, running, most = Turns(), 0, 0

    async def work(key: str) -> None:
        nonlocal running, most
        async with turns.of(key):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1

    await asyncio.gather(*(work(key) for key in "aaabbbcccddd"))
    assert most == MOST_HEAVY


async def test_whoever_is_cancelled_does_not_wait_for_a_thread() -> None:
    release = threading.Event()
    task = asyncio.create_task(in_thread(lambda: release.wait(PATIENCE)))
    await asyncio.sleep(0.01)
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < PATIENCE / 10
    release.set()


async def test_however_short_answers_are_no_more_are_kept_than_there_is_room_for() -> None:
    answers, made = Answers(most=50_000), []

    async def make() -> Packed:
        made.append(1)
        return Packed.of(b"{}")

    for since in range(1000):
        await answers.get(("searches", since), make)
    # The first ones have made room.
    for since in range(900):
        await answers.get(("searches", since), make)
    assert len(made) == 1900
