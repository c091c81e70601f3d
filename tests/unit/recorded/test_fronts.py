"""Ranks, and how a front grew, against the front that a search under way keeps."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.recorded.fronts import Growth, find_standings, grow, points_of, results_of, stand, worst_of
from evonas.search.front import Front
from evonas.search.trial import Import, ProposalRecord, Trial, TrialState
from evonas.spec import Objective

ACCURACY = Objective("accuracy", minimize=False, target=None, constraints=())
LATENCY = Objective("latency_ms", minimize=True, target=None, constraints=())
BOTH = (ACCURACY, LATENCY)

coordinates = st.integers(0, 6).map(float)
pairs = st.lists(st.tuples(coordinates, coordinates), max_size=40)
references = st.one_of(st.none(), coordinates)


def result(index: int, accuracy: float, latency: float, sequence: int | None = None) -> Trial:
    return Trial(
        index,
        {"blocks": index},
        ProposalRecord("random", None, (), 0),
        TrialState.SUCCEEDED,
        reward=accuracy,
        metrics={"accuracy": accuracy, "latency_ms": latency},
        sequence=index + 1 if sequence is None else sequence,
    )


def results(values: Sequence[tuple[float, float]]) -> list[Trial]:
    return [result(index, *each) for index, each in enumerate(values)]


@given(values=pairs, first=references, second=references)
def test_rank_0_is_the_front_and_what_equals_it(
    values: list[tuple[float, float]], first: float | None, second: float | None
) -> None:
    objectives = (replace(ACCURACY, reference=first), replace(LATENCY, reference=second))
    trials, front = results(values), Front(objectives)
    for trial in trials:
        front.add(trial)
    ranks = find_standings(objectives, points_of(objectives, trials))
    best = {values[place] for place in np.flatnonzero(ranks == 0)}
    assert best == set(front.values)
    for trial, rank in zip(trials, ranks.tolist(), strict=True):
        found = stand(objectives, trials, front.members, trial)
        assert found is not None
        if rank == 0:
            assert not found.dominating
            assert (found.equals is None) == (trial in front.members)
        elif rank > 0:
            assert found.dominating
        else:
            assert found.rank is None


@given(values=pairs, first=references, second=references, most=st.integers(2, 9))
def test_the_hypervolume_grows_step_by_step_to_that_of_the_front(
    values: list[tuple[float, float]], first: float | None, second: float | None, most: int
) -> None:
    objectives = (replace(ACCURACY, reference=first), replace(LATENCY, reference=second))
    trials, front = results(values), Front(objectives)
    reference = worst_of(objectives, [points_of(objectives, trials)])
    assert reference is None or all(map(math.isfinite, reference))
    steps = grow(objectives, trials)
    assert list(steps.volumes) == sorted(steps.volumes)
    for count, trial in enumerate(trials, start=1):
        front.add(trial)
        so_far = grow(objectives, trials[:count], reference)
        assert steps.at(count) == pytest.approx(so_far.at(count))
        assert grow(objectives, trials[:count]).at(count) == pytest.approx(front.hypervolume)
    growth = Growth(objectives)
    growth.add(points_of(objectives, trials))
    few = growth.steps(most)
    assert len(few.volumes) <= most
    assert few.volumes[-1:] == steps.volumes[-1:]


def test_many_at_once_are_as_one_after_the_other() -> None:
    dice = random.Random(3)
    trials = results([(dice.random(), dice.random()) for _ in range(1500)])
    points = points_of(BOTH, trials)
    at_once, one_by_one = Growth(BOTH), Growth(BOTH)
    at_once.add(points)
    for point in points:
        one_by_one.add(point[None])
    assert at_once.steps() == one_by_one.steps()
    assert at_once.at([0, 1, 700, 1500]) == one_by_one.at([0, 1, 700, 1500])
    assert at_once.at([0, 1])[0] == 0.0


def test_results_are_in_order_after_those_from_elsewhere_and_without_confirmations() -> None:
    first, second = result(5, 0.5, 2.0, sequence=1), result(1, 0.6, 3.0, sequence=2)
    known = replace(
        result(3, 0.4, 1.0, sequence=9),
        imported=Import("search other", 0, 0.4, {"accuracy": 0.4, "latency_ms": 1.0}, 1, 1),
    )
    repeat = replace(result(7, 0.9, 0.1), proposal=ProposalRecord("confirmation", 1, (), 2, repeat=1))
    failed = Trial(2, {}, ProposalRecord("random", None, (), 0), TrialState.FAILED)
    assert results_of([second, known, repeat, failed, first]) == [known, first, second]
    steps = grow(BOTH, [second, known, repeat, failed, first])
    assert steps.results == [0, 1, 2]


def test_a_hypervolume_beyond_all_floats_is_the_largest() -> None:
    steps = grow(BOTH, results([(-1e300, 1e300), (1e300, -1e300)]))
    assert steps.volumes[-1] == np.finfo(float).max
