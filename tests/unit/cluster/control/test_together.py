"""Work side by side: all of it comes to its end, and no error of it vanishes."""

from __future__ import annotations

import asyncio

import pytest

from evonas.cluster.control.together import Together, causes_of, finish_all

pytestmark = pytest.mark.looptime(start=0)


async def fail(after: float, error: Exception) -> None:
    await asyncio.sleep(after)
    raise error


async def test_every_error_is_raised_when_all_the_work_has_ended() -> None:
    done: list[str] = []

    async def slow() -> None:
        await asyncio.sleep(100)
        done.append("slow")

    bug, refusal = KeyError("bug"), ValueError("refused")
    with pytest.raises(ExceptionGroup) as raised:
        await finish_all(fail(1, refusal), slow(), fail(2, bug))
    assert causes_of(raised.value) == [refusal, bug]
    assert done == ["slow"]


async def test_an_error_alone_is_raised_as_it_is() -> None:
    error = ValueError("alone")
    with pytest.raises(ValueError, match="alone") as raised:
        await finish_all(asyncio.sleep(1), fail(2, error))
    assert raised.value is error


async def test_results_come_in_the_order_of_the_work() -> None:
    assert await finish_all(asyncio.sleep(2, "a"), asyncio.sleep(1, "b")) == ["a", "b"]
    assert await finish_all() == []


async def test_an_error_of_the_body_hides_none_of_what_it_had_started() -> None:
    bug, refusal = KeyError("bug"), ValueError("refused")

    async def begin(*errors: Exception) -> None:
        async with Together() as together:
            for error in errors:
                together.start(fail(1, error))
            raise bug

    with pytest.raises(ExceptionGroup) as raised:
        await begin(refusal)
    assert causes_of(raised.value) == [bug, refusal]
    with pytest.raises(KeyError) as alone:
        await begin()
    assert alone.value is bug


def test_causes_of_nested_groups_are_all_of_them() -> None:
    first, second, third = ValueError("1"), KeyError("2"), OSError("3")
    assert causes_of(ExceptionGroup("", [first, ExceptionGroup("", [second, third])])) == [first, second, third]
    assert causes_of(first) == [first]
