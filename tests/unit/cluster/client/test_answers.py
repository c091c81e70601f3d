"""How the API server's refusals are told apart: five errors, by what the caller may do next."""

from __future__ import annotations

import json

import pytest

from evonas.cluster.client.api import ApiError, Conflict, NotFound, Refused, Unavailable, error_of

STATUS = json.dumps({"kind": "Status", "reason": "Because", "message": "not now"})


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (NotFound, [404]),
        (Conflict, [409]),
        (Refused, [400, 403, 405, 413, 422]),
        # One path for all of them: `tests/faults` shows by 503, and by 429 with its delay, what becomes of the request.
        (Unavailable, [401, 408, 410, 429, 500, 502, 503, 504]),
    ],
)
def test_answer_becomes_one_error(kind: type[ApiError], codes: list[int]) -> None:
    for code in codes:
        error = error_of(code, STATUS, None)
        assert type(error) is kind
        assert (error.code, error.reason, error.message, error.retry_after) == (code, "Because", "not now", None)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), (None, None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
def test_the_server_says_how_long_to_wait(header: str | None, seconds: float | None) -> None:
    assert error_of(429, STATUS, header).retry_after == seconds


@pytest.mark.parametrize("content", ["", "<html>bad gateway</html>", "[1]"])
def test_an_answer_of_something_else_than_the_api_server_is_quoted(content: str) -> None:
    error = error_of(502, content, None)
    assert (type(error), error.message) == (Unavailable, content)
