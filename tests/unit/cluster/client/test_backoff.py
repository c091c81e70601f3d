"""Trying again until the API server lets it be, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
import logging

import pytest

from evonas.cluster.client.api import Refused, Unavailable
from evonas.cluster.client.backoff import ALL_WAIT, retried
from evonas.operator.handlers import _Backoffs

pytestmark = pytest.mark.looptime(start=0)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_call_is_tried_until_it_succeeds_with_a_line_for_each_failure(caplog: pytest.LogCaptureFixture) -> None:
    answers = iter(
        [
            Unavailable(503, "ServiceUnavailable", "starting"),
            Refused(403, "Forbidden", "not yet"),
            Unavailable(429, "TooManyRequests", "later", retry_after=40),
        ]
    )
    times: list[float] = []

    async def call() -> str:
        times.append(now())
        if (error := next(answers, None)) is not None:
            raise error
        return "done"

    with caplog.at_level(logging.INFO):
        assert await retried("first list", call) == "done"
    assert [record.exc_info for record in caplog.records] == [None] * 3
    assert "first list: trying again in" in caplog.messages[0]
    assert "503 ServiceUnavailable: starting" in caplog.messages[0]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses[0] <= 0.5
    assert pauses[1] <= 1
    assert pauses[2] == 40


async def test_an_error_of_our_own_is_not_tried_again() -> None:
    async def call() -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await retried("first list", call)


def test_kopf_is_never_out_of_pauses() -> None:
    """It died with a traceback when a call had failed nine times, in 54 seconds."""
    pauses = list(itertools.islice(_Backoffs(), 1000))
    assert len(pauses) == 1000
    assert max(pauses) <= ALL_WAIT
