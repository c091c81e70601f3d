"""Whoever follows the notices and asks for what is new knows what there is; a slow one is told that it lost count."""

from __future__ import annotations

import asyncio

from evonas.recorded.search import Overview, Phase
from evonas.sources.live.board import MAX_GONE, MAX_WAITING, Board
from evonas.sources.live.seen import NoticeKind, Origin, SeenSearch

OVERVIEW = Overview("", "a", Phase.RUNNING, "Random", {}, 10, None, None, 0, "reward", 0, None)


def _line(id: str, *trend: float) -> SeenSearch:
    return SeenSearch(id, 0, Origin.RUN, id, "uid", {}, OVERVIEW, trend, None)


async def test_notices_of_one_kind_and_search_are_one() -> None:
    board = Board()
    with board.subscribe() as subscription:
        board.show(_line("run:a"))
        board.show(_line("run:b"))
        board.show(_line("run:a", 0.5))
        board.show(_line("run:a", 0.5))
        notices = aiter(subscription)
        first, second = await anext(notices), await anext(notices)
        assert [(first.kind, first.id), (second.kind, second.id)] == [
            (NoticeKind.SEARCH, "run:a"),
            (NoticeKind.SEARCH, "run:b"),
        ]
        assert first.revision == board.lines["run:a"].revision
        board.remove("run:a")
        gone = await asyncio.wait_for(anext(notices), 5)
        assert (gone.kind, gone.id) == (NoticeKind.GONE, "run:a")
        assert board.gone_since(first.revision) == ["run:a"]
        assert board.gone_since(gone.revision) == []


async def test_a_line_that_says_nothing_new_changes_nothing() -> None:
    board = Board()
    board.show(_line("run:a", 0.5))
    revision = board.revisions.latest
    board.show(_line("run:a", 0.5))
    assert (board.revisions.latest, board.lines["run:a"].revision) == (revision, revision)


async def test_who_is_too_slow_is_told_so_and_holds_up_nobody() -> None:
    board = Board()
    with board.subscribe() as subscription:
        for number in range(MAX_WAITING + 1):
            board.show(_line(f"run:{number}"))
        board.show(_line("run:last"))
        notices = aiter(subscription)
        assert (await anext(notices)).kind is NoticeKind.LOST
        assert (await anext(notices)).id == "run:last"


async def test_searches_gone_too_long_ago_are_not_known_any_more() -> None:
    board = Board()
    for number in range(MAX_GONE + 1):
        board.show(_line(f"run:{number}"))
        board.remove(f"run:{number}")
    assert board.gone_since(0) is None
    assert board.gone_since(board.revisions.latest) == []
    assert board.gone_since(board.revisions.latest - 1) == [f"run:{MAX_GONE}"]
