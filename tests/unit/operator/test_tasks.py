"""The operator's parts side by side."""

from __future__ import annotations

import asyncio

import pytest

from evonas.operator.tasks import until_first_ends

pytestmark = pytest.mark.looptime(start=0)


async def end(after: float, error: Exception | None = None) -> None:
    await asyncio.sleep(after)
    if error is not None:
        raise error


async def end_badly(error: Exception) -> None:
    try:
        await asyncio.sleep(1000)
    finally:
        raise error


async def test_the_first_error_is_raised_and_every_other_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="first"):
        await until_first_ends(end(1, ValueError("first")), end(1, KeyError("same moment")), end_badly(OSError("last")))
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError, OSError]


async def test_an_error_at_the_end_is_in_the_log_though_the_first_part_ended_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await until_first_ends(end(1), end_badly(OSError("last")), end(1000))
    assert "last" in caplog.text
    caplog.clear()
    await until_first_ends(end(1), end(1000))
    assert not caplog.records


async def test_parts_are_ended_with_who_waits_for_them() -> None:
    ended = asyncio.Event()

    async def part() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.set()

    task = asyncio.create_task(until_first_ends(part()))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
