"""Which candidate is recommended where the agent has trained leaders again, and what becomes of that."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.agents import create_agent
from evonas.search.budget import most_trials
from evonas.search.confirmation import due_confirmations, find_winner
from evonas.search.lessons import record_of
from evonas.search.proposer import trial_of
from evonas.search.recommendation import find_leaders, recommend
from evonas.search.reuse import with_known_result
from evonas.search.totals import Totals
from evonas.search.trial import REPEAT, Reuse, Trial, TrialState
from tests.unit.search.support import search_spec, succeeded, totals_of

SPEC = search_spec(confirm={"top": 2, "repeats": 1})


def again(index: int, of: int, reward: float | None) -> Trial:
    known = succeeded(index, reward or 0.0)
    proposal = replace(known.proposal, origin=REPEAT, parent=of, mutated=())
    repeat = replace(known, decisions={"a": of}, proposal=proposal)
    return repeat if reward is not None else replace(repeat, state=TrialState.INFEASIBLE, reward=None)


FIRST = [replace(succeeded(index, 0.3 + 0.05 * index), decisions={"a": index}) for index in range(8)]
LUCKY = replace(succeeded(8, 0.95), decisions={"a": 8})
NOISY = [*FIRST, LUCKY, again(9, 8, 0.45), again(10, 7, 0.70), again(11, 7, 0.68)]


def test_the_luckiest_trial_stays_the_best_and_the_steady_candidate_is_recommended() -> None:
    totals = totals_of(NOISY)
    recommended = recommend(SPEC, totals)
    assert recommended is not None
    assert (recommended.index, recommended.runs) == (7, 3)
    assert recommended.mean == pytest.approx((0.65 + 0.70 + 0.68) / 3)
    assert recommended.trial.decisions == {"a": 7}
    assert totals.best == LUCKY
    assert find_winner(replace(SPEC, confirm=None), totals) == recommended.trial


@given(dice=st.randoms(use_true_random=False))
def test_it_does_not_depend_on_the_order_in_which_trials_are_counted(dice: random.Random) -> None:
    trials = [*NOISY, again(12, 3, None), again(13, 8, 0.97)]
    mixed = [*trials]
    dice.shuffle(mixed)
    one, other = totals_of(trials), totals_of(mixed)
    assert recommend(SPEC, one) == recommend(SPEC, other)
    assert one.leaders == other.leaders
    assert one.candidates == other.candidates == 9
    assert one.recorded == 14


def test_leaders_are_of_different_candidates_each_by_its_best_trial() -> None:
    lucky_again = again(9, 8, 0.97)
    leaders = totals_of([*FIRST, LUCKY, lucky_again]).leaders
    assert leaders[0] == lucky_again
    assert [leader.candidate for leader in leaders] == [8, 7, 6, 5, 4, 3, 2, 1, 0]


def test_what_is_confirmed_is_what_is_expected_to_be_best() -> None:
    trials = [*NOISY, again(12, 8, 0.5), again(13, 8, 0.48)]
    totals = totals_of(trials, SPEC)
    confirmed = due_confirmations(SPEC, totals, 9)
    assert [trial.decisions for trial in confirmed] == [leader.decisions for leader in find_leaders(SPEC, totals, 2)]
    assert confirmed[0].decisions == {"a": 7}


def test_a_minimised_objective_is_recommended_in_the_users_orientation() -> None:
    spec = replace(SPEC, objectives=(replace(SPEC.objective, minimize=True),))
    totals = Totals(spec.objectives, [replace(trial, reward=-(trial.reward or 0.0)) for trial in NOISY])
    recommended, mirrored = recommend(spec, totals), recommend(SPEC, totals_of(NOISY))
    assert recommended is not None
    assert mirrored is not None
    assert (recommended.mean, recommended.expected) == (-mirrored.mean, -mirrored.expected)
    assert recommended.deviation == mirrored.deviation


@pytest.mark.parametrize(
    "repeats",
    [[], [again(9 + place, place, FIRST[place].reward) for place in (5, 6, 7)]],
    ids=["no repeats", "exact rewards"],
)
def test_nothing_is_recommended_where_nothing_is_known_of_the_noise(repeats: Sequence[Trial]) -> None:
    totals = totals_of([*FIRST, LUCKY, *repeats])
    assert recommend(SPEC, totals) is None
    assert find_winner(replace(SPEC, confirm=None), totals) == LUCKY


def test_a_repeat_is_always_run() -> None:
    spec = search_spec(reuseResults="Namespace")

    def find(fingerprint: str) -> Reuse:
        return Reuse("other", "uid", 3, fingerprint, TrialState.SUCCEEDED, 0.5, {})

    assert with_known_result(spec, FIRST[0], find).reused is not None
    assert with_known_result(spec, NOISY[-1], find).reused is None


def test_a_small_space_has_room_for_its_repeats() -> None:
    spec = search_spec(searchSpace=[{"name": "a", "values": list(range(9))}], budget={"maxTrials": 40})
    assert most_trials(spec, totals_of(NOISY)) == 12
    assert totals_of(NOISY).candidates == 9


def test_the_record_of_a_repeat_restores_the_agent_that_proposed_it() -> None:
    spec = search_spec(agent={"type": "EvoNAS", "seed": 3}, budget={"maxTrials": 60})
    agent, trials, dice = create_agent("EvoNAS", spec.space, 3), list[Trial](), random.Random(4)
    for sequence in range(1, 61):
        proposal = agent.propose()
        reward = proposal.index % 7 + dice.random()
        agent.observe(proposal.index, reward)
        ended = replace(trial_of(proposal, sequence - 1), state=TrialState.SUCCEEDED, reward=reward, sequence=sequence)
        trials.append(ended)
    assert any(trial.is_repeat for trial in trials)
    restored = create_agent("EvoNAS", spec.space, 3)
    restored.restore(record_of(spec, trial) for trial in trials)
    assert restored.propose() == agent.propose()
