"""A crowd of refused connections is told, but not a line for each."""

from __future__ import annotations

import inspect
import logging

from uvicorn.protocols.http import h11_impl

from evonas.ui.quiet import REFUSED, Seldom


def test_it_is_said_in_these_words() -> None:
    assert f'"{REFUSED}"' in inspect.getsource(h11_impl)


def test_refused_connections_are_told_once_a_minute_with_their_number() -> None:
    now, said = [0.0], []
    seldom = Seldom(1000, lambda: now[0])

    def log(message: str) -> None:
        record = logging.LogRecord("uvicorn.error", logging.WARNING, "", 0, message, (), None)
        if seldom.filter(record):
            said.append(record.getMessage())

    for moment in (0.0, *[1.0] * 2_000, 61.0, 62.0):
        now[0] = moment
        log(REFUSED)
    log("something else")
    full = "1,000 connections are open, the most there may be: refused"
    assert said == [f"{full} 1 more", f"{full} 2,001 more", "something else"]
