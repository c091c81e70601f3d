"""The leaders are trained again once the search has ended, and what that says of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.errors import InvalidManifest
from evonas.search.budget import affordable_trials
from evonas.search.codec import from_object, to_object
from evonas.search.confirmation import confirm, due_confirmations
from evonas.search.plan import Plan, plan
from evonas.search.totals import Totals
from evonas.search.trial import Trial, TrialState
from evonas.search.trial_environment import trial_environment
from evonas.spec import SearchSpec
from tests.unit.search.support import IDENTITY, NOW, propose, search_spec, succeeded, totals_of, trial

SPEC = search_spec(budget={"maxTrials": 4, "parallelTrials": 4}, confirm={"top": 2, "repeats": 3})
SEARCHED = [succeeded(0, 0.1), succeeded(1, 0.4), succeeded(2, 0.3), succeeded(3, 0.2)]


def _plan(trials: list[Trial], spec: SearchSpec = SPEC, leaving: int = 0) -> Plan:
    finished = [item for item in trials if item.state.is_final]
    unfinished = [item for item in trials if not item.state.is_final]
    totals = Totals(spec.objectives, finished)
    return plan(spec, totals, unfinished, {}, created={}, start_time=NOW, now=NOW, leaving=leaving)


def _ended(confirmation: Trial, reward: float | None) -> Trial:
    state = TrialState.FAILED if reward is None else TrialState.SUCCEEDED
    return replace(confirmation, state=state, reward=reward, reason="ExitCode1" if reward is None else "")


def test_the_leaders_are_confirmed_repeat_by_repeat_within_the_parallel_trials() -> None:
    first = _plan(SEARCHED)
    assert [(item.index, item.proposal.parent, item.proposal.repeat) for item in first.confirmations] == [
        (4, 1, 1),
        (5, 2, 1),
        (6, 1, 2),
        (7, 2, 2),
    ]
    assert not first.is_over
    second = _plan([*SEARCHED, *(_ended(item, 0.3) for item in first.confirmations)])
    assert [(item.index, item.proposal.parent, item.proposal.repeat) for item in second.confirmations] == [
        (8, 1, 3),
        (9, 2, 3),
    ]
    third = [*SEARCHED, *(_ended(item, 0.3) for item in (*first.confirmations, *second.confirmations))]
    assert _plan(third).is_over
    assert not _plan(third).confirmations


def test_confirmations_wait_for_what_is_being_stopped_and_the_search_for_them() -> None:
    assert len(_plan(SEARCHED, leaving=1).confirmations) == 3
    waiting = _plan(SEARCHED, leaving=4)
    assert (waiting.confirmations, waiting.is_over) == ((), False)


def test_nothing_is_confirmed_while_candidates_are_under_way() -> None:
    running = trial(3, TrialState.RUNNING)
    assert not _plan([*SEARCHED[:3], running]).confirmations


def test_a_suspended_search_waits_with_its_confirmations_and_is_not_over() -> None:
    spec = replace(SPEC, suspend=True)
    decided = _plan(SEARCHED, spec)
    assert not decided.confirmations
    assert not decided.is_over


def test_a_search_that_failed_confirms_nothing() -> None:
    spec = search_spec(budget={"maxTrials": 4, "maxFailedTrials": 0}, confirm={})
    failed = trial(3, TrialState.FAILED, reason="ExitCode1")
    decided = _plan([*SEARCHED[:3], failed], spec)
    assert decided.is_over
    assert not decided.confirmations


def test_cancelling_the_search_does_not_cancel_its_confirmations() -> None:
    spec = search_spec(budget={"maxTrials": 9, "maxSeconds": 60}, confirm={"top": 1, "repeats": 1}, onComplete="Cancel")
    (confirmation,) = due_confirmations(spec, totals_of(SEARCHED, spec), 4)
    totals = Totals(spec.objectives, SEARCHED)
    later = NOW + timedelta(seconds=61)
    decided = plan(spec, totals, [confirmation], {}, created={}, start_time=NOW, now=later)
    assert decided.unfinished == (confirmation,)


def test_confirmations_change_neither_the_best_nor_the_counts_nor_the_sequence() -> None:
    confirmations = due_confirmations(SPEC, totals_of(SEARCHED, SPEC), 6)
    before = totals_of(SEARCHED, SPEC)
    after = totals_of([*SEARCHED, *(_ended(item, 0.9) for item in confirmations)], SPEC)
    assert (after.best, after.total, after.last_sequence, after.mean_reward) == (
        before.best,
        before.total,
        before.last_sequence,
        before.mean_reward,
    )
    assert after.recorded == before.total + 6


def test_failed_confirmations_do_not_fail_the_search() -> None:
    spec = search_spec(budget={"maxTrials": 4, "maxFailedTrials": 0}, confirm={"top": 1, "repeats": 2})
    confirmations = due_confirmations(spec, totals_of(SEARCHED, spec), 2)
    decided = _plan([*SEARCHED, *(_ended(item, None) for item in confirmations)], spec)
    assert decided.is_over
    assert decided.limit is not None
    assert decided.limit.reason == "MaxTrialsReached"


def test_mean_spread_and_wins_of_the_leaders() -> None:
    rewards = {(1, 1): 0.2, (2, 1): 0.3, (1, 2): 0.4, (2, 2): 0.3, (1, 3): None, (2, 3): 0.6}
    confirmations = due_confirmations(SPEC, totals_of(SEARCHED, SPEC), 6)
    ended = [_ended(item, rewards[item.proposal.parent or 0, item.proposal.repeat or 0]) for item in confirmations]
    first, second = confirm(SPEC, totals_of([*SEARCHED, *ended], SPEC))
    assert (first.leader.index, first.runs, first.wins) == (2, 3, 1)
    assert first.mean == pytest.approx(0.4)
    assert first.deviation == pytest.approx(0.1732, abs=1e-4)
    assert (second.leader.index, second.runs, second.wins) == (1, 3, 1)
    assert second.mean == pytest.approx(0.3)


@given(st.integers(0, 20), st.permutations(range(6)))
def test_whatever_order_confirmations_end_in_none_runs_twice(room: int, order: list[int]) -> None:
    every = due_confirmations(SPEC, totals_of(SEARCHED, SPEC), 6)
    recorded = [every[position] for position in order[: room % 6]]
    due = due_confirmations(SPEC, totals_of([*SEARCHED, *recorded], SPEC), room)
    runs = [(item.proposal.parent, item.proposal.repeat) for item in (*recorded, *due)]
    assert len(set(runs)) == len(runs)
    assert len(due) == min(room, 6 - len(recorded))


def test_room_for_the_confirmations_is_kept_from_the_start() -> None:
    spec = search_spec(
        budget={"maxTrials": 20, "maxGPUHours": 10},
        trial={"timeoutSeconds": 3600},
        gpus=1,
        confirm={"top": 2, "repeats": 3},
    )
    assert affordable_trials(spec, totals_of([], spec)) == 4
    with pytest.raises(InvalidManifest, match=r"spec\.confirm: 6 confirmations may take 6 GPU hours"):
        search_spec(
            budget={"maxTrials": 20, "maxGPUHours": 5},
            trial={"timeoutSeconds": 3600},
            gpus=1,
            confirm={"top": 2, "repeats": 3},
        )


def test_the_same_repeat_of_all_leaders_has_one_seed_that_no_proposal_has() -> None:
    confirmations = due_confirmations(SPEC, totals_of(SEARCHED, SPEC), 6)
    seeds = [int(trial_environment(IDENTITY, SPEC, item)["EVONAS_SEED"]) for item in (*SEARCHED, *confirmations)]
    assert seeds[4::2] == seeds[5::2]
    assert len(set(seeds)) == 4 + 3


def test_a_confirmation_survives_writing_and_reading() -> None:
    (confirmation, *_) = due_confirmations(SPEC, totals_of(SEARCHED, SPEC), 1)
    assert from_object(to_object(IDENTITY, confirmation)) == confirmation


@pytest.mark.parametrize("agent", ["Random", "Evolution", "EvoNAS", "Optuna"])
def test_a_search_that_goes_on_after_its_confirmation_proposes_what_it_would_have(agent: str) -> None:
    from evonas.search.proposer import Proposer

    spec = search_spec(budget={"maxTrials": 30}, confirm={"top": 2, "repeats": 1}, agent={"type": agent, "seed": 3})
    undisturbed = Proposer(spec)
    trials: list[Trial] = []
    for index in range(12):
        (proposed,) = propose(undisturbed, trials, 1)
        reward = float(proposed.decisions["a"]) / 100
        trials.append(replace(proposed, state=TrialState.SUCCEEDED, reward=reward, sequence=index + 1))
    (expected,) = propose(undisturbed, trials, 1)
    confirmations = [_ended(item, 0.5) for item in due_confirmations(spec, totals_of(trials, spec), 2)]
    (resumed,) = propose(Proposer(spec), [*trials, *confirmations], 1)
    assert resumed.index == expected.index + 2
    if agent in ("Random", "Evolution"):
        # The others' numbers depend on the index, too.
        assert resumed.proposal.observed_up_to == expected.proposal.observed_up_to
