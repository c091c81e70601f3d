"""What people read of a trial that ended: state, reason and message, each of them once."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from evonas.report.display import Display
from evonas.search.attempt import AttemptPhase, AttemptView, Ending, Verdict
from evonas.search.budget import Standing, find_limit
from evonas.search.exits import judge_exit, judge_timeout
from evonas.search.settle import cancel, settle, veto
from evonas.search.trial import Trial, TrialState, in_words
from evonas.search.trial_report import Report
from tests.unit.search.support import NOW, search_spec, totals_of, trial

SPEC = search_spec(trial={"retries": 0}, budget={"maxFailedTrials": 0})
ENDINGS = {
    "NonZeroExitCode": judge_exit(3, Report(), hint="no such file"),
    "OOMKilled": judge_exit(137, Report(), reason="OOMKilled"),
    "Infeasible": judge_exit(65, Report()),
    "DeadlineExceeded": judge_timeout(SPEC.trial),
    "NoReward": judge_exit(0, Report()),
    "Evicted": Ending(Verdict.BROKEN, "Evicted"),
}


def ended(ending: Ending) -> Trial:
    return settle(SPEC, trial(0), AttemptView(1, AttemptPhase.ENDED, end_time=NOW, ending=ending))


@pytest.mark.parametrize("reason", ENDINGS)
def test_reason_is_said_once_of_a_trial_that_ended(reason: str) -> None:
    finished = ended(ENDINGS[reason])
    assert finished.reason == reason
    assert reason not in finished.message
    assert finished.outcome.count(reason) == 1
    screen = io.StringIO()
    Display(SPEC, Console(file=screen, width=200), ()).on_record(finished)
    assert screen.getvalue().count(reason) == 1


@pytest.mark.parametrize("reason", [reason for reason, ending in ENDINGS.items() if ending.verdict is Verdict.BROKEN])
def test_reason_is_said_once_of_an_attempt_that_is_tried_again_and_of_a_search_that_failed(reason: str) -> None:
    retried = settle(
        search_spec(trial={"retries": 1}),
        trial(0),
        AttemptView(1, AttemptPhase.ENDED, end_time=NOW, ending=ENDINGS[reason]),
    )
    assert (retried.reason, retried.message.count(reason)) == ("Retrying", 1)
    limit = find_limit(Standing(SPEC, totals_of([ended(ENDINGS[reason])], SPEC), NOW, NOW))
    assert limit is not None
    assert limit.message.count(reason) == 1


def test_reason_is_said_once_of_a_trial_that_was_vetoed_or_cancelled() -> None:
    assert veto(SPEC, trial(0), None, "too large", NOW).outcome == "Infeasible: Vetoed: too large"
    assert veto(SPEC, trial(0), None, "", NOW).outcome == "Infeasible: Vetoed"
    cancelled = cancel(SPEC, trial(0), None, "TargetReached", NOW)
    assert cancelled.outcome == "Cancelled: TargetReached: stopped because the search had ended"


def test_record_of_an_earlier_version_that_repeats_its_reason_is_shown_with_one() -> None:
    old = trial(0, TrialState.FAILED, reason="OOMKilled", message="OOMKilled: the container left with exit code 137")
    assert old.outcome == "Failed: OOMKilled: the container left with exit code 137"
    assert in_words("Vetoed", "vetoed: too large") == "vetoed: too large"
