"""Own writes that come back by the watch, and those that do not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from evonas.cluster.echo import Echoes
from evonas.cluster.resources import JOBS, TRIALS


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
def echoes(clock: Clock) -> Echoes:
    return Echoes(clock)


def test_nothing_is_awaited_at_first(echoes: Echoes, clock: Clock) -> None:
    clock.now += 1000
    assert echoes.age(TRIALS) == 0


def test_a_write_that_does_not_come_back_grows_old(echoes: Echoes, clock: Clock) -> None:
    echoes.wrote(TRIALS, Body(5))
    clock.now += 30
    echoes.wrote(TRIALS, Body(7))
    clock.now += 30
    echoes.heard(TRIALS, Body(4))
    assert (echoes.age(TRIALS), echoes.age(JOBS)) == (60, 0)


@pytest.mark.parametrize("version", [5, 6], ids=["itself", "a later one"])
def test_a_write_comes_back(echoes: Echoes, clock: Clock, version: int) -> None:
    echoes.wrote(TRIALS, Body(5))
    clock.now += 30
    echoes.heard(TRIALS, Body(version, "b"))
    assert echoes.age(TRIALS) == 0


def test_a_watch_may_be_faster_than_the_answer(echoes: Echoes, clock: Clock) -> None:
    echoes.heard(TRIALS, Body(5))
    echoes.wrote(TRIALS, Body(5))
    clock.now += 30
    assert echoes.age(TRIALS) == 0


def test_namespaces_are_streams_of_their_own(echoes: Echoes, clock: Clock) -> None:
    echoes.wrote(TRIALS, Body(5))
    clock.now += 30
    echoes.heard(TRIALS, Body(9, namespace="other"))
    assert echoes.age(TRIALS) == 30


def test_an_object_that_is_gone_cannot_come_back(echoes: Echoes, clock: Clock) -> None:
    echoes.wrote(TRIALS, Body(5))
    clock.now += 30
    echoes.forget(TRIALS, Body(4, "b"))
    assert echoes.age(TRIALS) == 30
    echoes.forget(TRIALS, Body(4))
    assert echoes.age(TRIALS) == 0
