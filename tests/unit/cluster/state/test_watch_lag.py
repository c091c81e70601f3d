"""Own writes that come back by the watch, and those that do not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from evonas.cluster.client.resources import JOBS, TRIALS
from evonas.cluster.state.watch_lag import WatchLag


@dataclass(frozen=True)
class Body:
    version: int
    uid: str = "a"
    namespace: str = "default"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch_lag(clock: Clock) -> WatchLag:
    return WatchLag(clock)


def test_nothing_is_awaited_at_first(watch_lag: WatchLag, clock: Clock) -> None:
    clock.now += 1000
    assert watch_lag.age(TRIALS) == 0


def test_a_write_that_does_not_come_back_grows_old(watch_lag: WatchLag, clock: Clock) -> None:
    watch_lag.wrote(TRIALS, Body(5))
    clock.now += 30
    watch_lag.wrote(TRIALS, Body(7))
    clock.now += 30
    watch_lag.heard(TRIALS, Body(4))
    assert (watch_lag.age(TRIALS), watch_lag.age(JOBS)) == (60, 0)


@pytest.mark.parametrize("version", [5, 6], ids=["itself", "a later one"])
def test_a_write_comes_back(watch_lag: WatchLag, clock: Clock, version: int) -> None:
    watch_lag.wrote(TRIALS, Body(5))
    clock.now += 30
    watch_lag.heard(TRIALS, Body(version, "b"))
    assert watch_lag.age(TRIALS) == 0


def test_a_watch_may_be_faster_than_the_answer(watch_lag: WatchLag, clock: Clock) -> None:
    watch_lag.heard(TRIALS, Body(5))
    watch_lag.wrote(TRIALS, Body(5))
    clock.now += 30
    assert watch_lag.age(TRIALS) == 0


def test_namespaces_are_streams_of_their_own(watch_lag: WatchLag, clock: Clock) -> None:
    watch_lag.wrote(TRIALS, Body(5))
    clock.now += 30
    watch_lag.heard(TRIALS, Body(9, namespace="other"))
    assert watch_lag.age(TRIALS) == 30


def test_an_object_that_is_gone_cannot_come_back(watch_lag: WatchLag, clock: Clock) -> None:
    watch_lag.wrote(TRIALS, Body(5))
    clock.now += 30
    watch_lag.forget(TRIALS, Body(4, "b"))
    assert watch_lag.age(TRIALS) == 30
    watch_lag.forget(TRIALS, Body(4))
    assert watch_lag.age(TRIALS) == 0
