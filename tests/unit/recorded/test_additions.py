"""What added to a front, at what cost, and what random candidates have."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.domination import dominates
from evonas.recorded.additions import MIN_RANDOM, ORDERS, chance, course
from evonas.recorded.repeated import find_repeated
from evonas.recorded.search import Phase, RecordedSearch
from evonas.search.front import Front
from evonas.search.objective import oriented_values, values_of
from evonas.search.trial import TrialState
from evonas.spec import SearchSpec
from tests.unit.search.fronts import THREE, TWO, WARMUP, front_body, front_trials


def recorded(*, count: int = 60, seed: int = 0, trials: int | None = None, **body: object) -> RecordedSearch:
    described = front_body(count=count, **body)  # type: ignore[arg-type]
    described["metadata"]["uid"] = "0f0e"
    made = front_trials(SearchSpec.parse(described), count=count, seed=seed)
    return RecordedSearch("here", described, tuple(made[:trials]), Phase.COMPLETE)


def reference_of(record: RecordedSearch) -> tuple[float, ...]:
    found = record.totals.front.reference
    assert found is not None
    return found


@pytest.mark.parametrize("objectives", [TWO, THREE], ids=["two", "three"])
def test_the_hypervolume_grows_to_that_of_the_front(objectives: object) -> None:
    record = recorded(objectives=objectives)
    found = course(record, reference_of(record))
    assert len(found.hypervolumes) == len(record.trials)
    assert [*found.hypervolumes] == sorted(found.hypervolumes)
    assert found.hypervolumes[-1] == pytest.approx(record.totals.front.hypervolume)
    assert sum(each.gain for each in found.additions) == pytest.approx(found.hypervolumes[-1])


@given(st.integers(0, 40), st.booleans())
def test_what_added_to_the_front_is_what_nothing_before_dominated(seed: int, is_limited: bool) -> None:
    objectives = [TWO[0], {**TWO[1], "reference": 12}] if is_limited else TWO
    record = recorded(count=40, seed=seed, objectives=objectives)
    spec = record.spec
    if record.totals.front.reference is None:
        return
    added = [each.trial.index for each in course(record, reference_of(record)).additions]
    front, expected = Front(spec.objectives), []
    for trial in record.trials:
        if trial.reward is not None:
            front.add(trial)
            expected += [trial.index] if trial in front.members else []
    assert added == expected
    values = {
        trial.index: oriented_values(spec.objectives, values_of(spec.objectives, trial) or ())
        for trial in front.members
    }
    assert not any(dominates(one, other) for one in values.values() for other in values.values())


def test_what_failed_costs_and_adds_nothing_and_confirmations_are_left_out() -> None:
    record = recorded(confirm={"top": 2, "repeats": 2})
    found = course(record, reference_of(record))
    assert len(found.hypervolumes) == 60
    # No GPUs are asked for, but these trials say that they took some.
    assert found.hours[-1] == pytest.approx(60 * 50 / 3600)
    failed = record.trials[10]
    assert failed.state is TrialState.FAILED
    assert found.hypervolumes[10] == found.hypervolumes[9]
    assert found.hours[10] > found.hours[9]


def test_random_candidates_have_what_they_have_in_any_order() -> None:
    record = recorded()
    reference = reference_of(record)
    found = chance(record, reference)
    assert found is not None
    assert found.candidates == len(found.means) == WARMUP
    assert [*found.means] == sorted(found.means)
    # All of them together are the same in any order, and the first twelve trials of this search.
    assert found.deviations[-1] == pytest.approx(0, abs=1e-12)
    assert found.means[-1] == pytest.approx(course(record, reference).hypervolumes[WARMUP - 1])
    assert chance(record, reference) == found


def test_random_candidates_that_fail_count_as_such() -> None:
    record = recorded()
    failing = tuple(
        replace(trial, state=TrialState.FAILED, reward=None) if trial.index in range(1, WARMUP) else trial
        for trial in record.trials
    )
    found = chance(replace(record, trials=failing), reference_of(record))
    assert found is not None
    whole = found.means[-1]
    # One in twelve has a result: so have the first ones in one order of twelve.
    assert found.means[0] <= whole * 5 / ORDERS


def test_nothing_is_said_of_chance_on_next_to_nothing() -> None:
    few = recorded(trials=MIN_RANDOM - 1)
    assert chance(few, reference_of(few)) is None
    agent = recorded(agent={"type": "Random"})
    assert chance(agent, reference_of(agent)) is None


def test_confirmations_have_means_and_deviations_in_every_objective() -> None:
    record = recorded(confirm={"top": 1, "repeats": 3})
    (index,) = record.totals.confirmations
    leader = record.trial(index)
    assert leader is not None
    found = find_repeated(record, leader)
    assert found is not None
    rewards = [trial.metrics["accuracy"] for trial in record.trials if trial.is_confirmation]
    assert found.runs == 3
    assert found.means[0] == pytest.approx(sum(rewards) / 3)
    assert None not in found.deviations
    assert "±" in found.in_words(1)
    assert find_repeated(record, record.trials[10]) is None
