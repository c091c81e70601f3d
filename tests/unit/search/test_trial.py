"""The record of one trial: how long it took."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from evonas.search.trial import EndedAttempt, Trial
from tests.unit.search.support import NOW, trial


def attempt(number: int, begin: int | None, end: int, reason: str = "Completed") -> EndedAttempt:
    start = None if begin is None else NOW + timedelta(seconds=begin)
    return EndedAttempt(number, reason, start_time=start, completion_time=NOW + timedelta(seconds=end))


def taken(*attempts: EndedAttempt, end: int | None = None) -> float | None:
    completion = attempts[-1].completion_time if end is None else NOW + timedelta(seconds=end)
    return replace(trial(0), attempts=attempts, start_time=NOW, completion_time=completion).seconds


def test_time_for_which_a_trial_was_paused_is_not_counted() -> None:
    paused = attempt(1, 0, 10, "Paused")
    assert taken(paused) == 10
    assert taken(paused, attempt(2, 1000, 1020, "Paused")) == 30
    assert taken(paused, attempt(2, 1000, 1020, "Paused"), attempt(3, 5000, 5040)) == 70


def test_attempt_that_never_started_ends_no_pause() -> None:
    assert taken(attempt(1, 0, 10, "Paused"), attempt(2, None, 500, "StartTimeout"), attempt(3, 1000, 1005)) == 15
    assert taken(attempt(1, 0, 10, "Paused"), attempt(2, None, 500, "StartTimeout")) == 10


def test_time_between_attempts_that_failed_counts() -> None:
    assert taken(attempt(1, 0, 10, "Error"), attempt(2, 15, 30)) == 30


def test_paused_trial_that_is_vetoed_took_no_longer() -> None:
    assert taken(attempt(1, 0, 10, "Paused"), end=900) == 10


def test_trial_that_has_not_ended_has_no_time() -> None:
    unfinished: Trial = replace(trial(0), start_time=NOW)
    assert unfinished.seconds is None
