"""How a search turned out once it is over: without a success it has failed, and says what of, here as in a cluster."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evonas.search.attempt import AttemptPhase, AttemptView, Ending, Verdict
from evonas.search.budget import Limit
from evonas.search.outcome import NO_SUCCESS, conclude, find_example
from evonas.search.plan import plan
from evonas.search.trial import Import, ProposalRecord, RungResult, Trial, TrialState
from tests.unit.search.support import NOW, search_spec, succeeded, totals_of, trial

MAX_TRIALS = Limit("MaxTrialsReached", "all 20 trials were proposed")
MAX_SECONDS = Limit("MaxSecondsReached", "the search ran for 60 seconds", cuts_short=True)


def failed(index: int, reason: str, message: str = "") -> Trial:
    return trial(index, TrialState.FAILED, reason=reason, message=message)


def infeasible(index: int) -> Trial:
    return trial(index, TrialState.INFEASIBLE, sequence=index + 1, reason="Infeasible", message="exit code 65")


def stopped(index: int) -> Trial:
    return trial(index, TrialState.STOPPED, sequence=index + 1, reason="SuccessiveHalving", message="is 3rd of 3",
                 rungs=(RungResult(1, 0.1, index + 1),))  # fmt: skip


def cancelled(index: int) -> Trial:
    return trial(index, TrialState.CANCELLED, reason="MaxSecondsReached", message="stopped")


def imported(index: int) -> Trial:
    source = Import("search elsewhere", 7, 0.5, {}, runs=1, of=1)
    return Trial(index, {"a": index}, ProposalRecord("imported", None, (), 0), TrialState.SUCCEEDED, reward=0.5,
                 sequence=1, imported=source)  # fmt: skip


@pytest.mark.parametrize(
    ("trials", "limit", "said"),
    [
        (
            [failed(0, "OOMKilled", "137"), failed(1, "StartError"), failed(2, "OOMKilled", "137 again")],
            MAX_TRIALS,
            "no trial succeeded: 2 Failed with OOMKilled, 1 Failed with StartError "
            "(MaxTrialsReached: all 20 trials were proposed); trial 2: 137 again",
        ),
        (
            [infeasible(0), infeasible(1), failed(2, "NoReward", "nothing")],
            MAX_TRIALS,
            "no trial succeeded: 2 Infeasible, 1 Failed with NoReward "
            "(MaxTrialsReached: all 20 trials were proposed); trial 1: exit code 65",
        ),
        (
            [cancelled(0)],
            MAX_SECONDS,
            "no trial succeeded: 1 Cancelled with MaxSecondsReached "
            "(MaxSecondsReached: the search ran for 60 seconds); trial 0: stopped",
        ),
        ([], MAX_SECONDS, "no trial was run (MaxSecondsReached: the search ran for 60 seconds)"),
    ],
    ids=["failed", "infeasible", "cancelled", "none was run"],
)
def test_search_without_a_success_has_failed_and_names_the_commonest_cause(
    trials: list[Trial], limit: Limit, said: str
) -> None:
    ended = conclude(limit, totals_of(trials))
    assert (ended.reason, ended.message, ended.failed) == (NO_SUCCESS, said, True)


@pytest.mark.parametrize(
    "wrong", [failed(2, "NonZeroExitCode", "exit code 1"), infeasible(2)], ids=["failed", "infeasible"]
)
def test_example_is_a_trial_that_could_not_be_trained_rather_than_one_that_was_ended(wrong: Trial) -> None:
    totals = totals_of([stopped(0), stopped(1), wrong, stopped(3), cancelled(4), cancelled(5)])
    assert find_example(totals) == wrong
    message = conclude(MAX_TRIALS, totals).message
    assert message.startswith("no trial succeeded: 3 Stopped with SuccessiveHalving, 2 Cancelled with ")
    assert message.endswith(f"; trial 2: {wrong.message}")


def test_example_is_a_stopped_trial_where_no_other_ended_without_a_reward() -> None:
    assert find_example(totals_of([stopped(0), stopped(1)])) == stopped(1)


def test_rare_causes_are_counted_together() -> None:
    trials = [failed(index, f"Reason{index}") for index in range(9)]
    assert "1 Failed with Reason2, 6 otherwise" in conclude(MAX_TRIALS, totals_of(trials)).message


@pytest.mark.parametrize(
    "success", [succeeded(0, 0.0), succeeded(0, -1.0), imported(0)], ids=["zero", "below", "import"]
)
def test_one_success_is_enough_however_small_and_an_imported_one_too(success: Trial) -> None:
    assert conclude(MAX_TRIALS, totals_of([success, failed(1, "OOMKilled")])) == MAX_TRIALS


def test_search_that_has_failed_already_keeps_its_reason() -> None:
    limit = Limit("TooManyFailedTrials", "11 trials failed", failed=True)
    assert conclude(limit, totals_of([failed(0, "OOMKilled")])) == limit


def test_search_is_judged_once_its_last_trial_has_ended_and_goes_on_when_its_budget_grows() -> None:
    ended = AttemptView(
        1, AttemptPhase.ENDED, start_time=NOW, end_time=NOW, ending=Ending(Verdict.USELESS, "StartError", "no program")
    )
    running = AttemptView(1, AttemptPhase.RUNNING, start_time=NOW)
    spec = search_spec(budget={"maxTrials": 2, "parallelTrials": 2})
    for view, is_over, reason in ((running, False, "MaxTrialsReached"), (ended, True, NO_SUCCESS)):
        decided = plan(
            spec,
            totals_of([failed(0, "StartError", "no program")]),
            [trial(1)],
            {1: view},
            created={1: NOW},
            start_time=NOW,
            now=NOW + timedelta(hours=1),
        )
        assert decided.limit is not None
        assert (decided.is_over, decided.limit.failed, decided.limit.reason) == (is_over, is_over, reason)
    grown = search_spec(budget={"maxTrials": 3, "parallelTrials": 2})
    again = plan(grown, decided.totals, [], {}, created={}, start_time=NOW, now=NOW + timedelta(hours=1))
    assert (again.limit, again.proposals) == (None, 1)
