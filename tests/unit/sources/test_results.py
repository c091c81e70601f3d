"""What is kept of a search's results for its line in the list, in whatever order they are heard of."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.recorded.fronts import Growth, grow, points_of, results_of
from evonas.search.trial import Import, Trial
from evonas.sources.journal import JournalSource
from evonas.sources.live.results import FrontResults, Results, evenly
from evonas.spec import SearchSpec
from tests.unit.search.fronts import THREE, front_body, front_trials, write_front

SPEC = SearchSpec.parse(front_body(objectives=THREE))
TRIALS = front_trials(SPEC, count=120)


def expected(trials: list[Trial], points: int) -> list[float]:
    found, growth = results_of(trials), Growth(SPEC.objectives)
    imported = sum(trial.imported is not None for trial in found)
    growth.add(points_of(SPEC.objectives, found[:imported]), are_results=False)
    growth.add(points_of(SPEC.objectives, found[imported:]))
    return growth.at([place + 1 for place in evenly(growth.results, points)])


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), asked=st.sets(st.integers(0, 119)), imported=st.sets(st.integers(0, 40), max_size=3))
def test_a_trend_is_the_same_in_whatever_order_results_are_heard_of(
    seed: int, asked: set[int], imported: set[int]
) -> None:
    trials = [
        replace(trial, imported=Import("search other", 0, trial.reward, trial.metrics, 1, 3))
        if trial.index in imported and trial.reward is not None
        else trial
        for trial in TRIALS
    ]
    heard = random.Random(seed).sample(trials, len(trials)) if seed % 2 else trials
    results = Results()
    so_far: list[Trial] = []
    for place, trial in enumerate(heard):
        so_far.append(trial)
        results.put(trial)
        results.put(trial)
        if place in asked:
            results.trend(SPEC.objectives, lambda: so_far)
    assert results.trend(SPEC.objectives, lambda: heard) == pytest.approx(tuple(expected(trials, 48)))


def test_a_result_that_was_changed_or_deleted_counts_as_it_is() -> None:
    results = FrontResults(SPEC.objectives, TRIALS)
    results.trend(48)
    better = next(trial for trial in TRIALS if trial.reward is not None)
    metrics = {**better.metrics, "accuracy": 1.0, "latency_ms": 0.0, "energy_mj": 0.0}
    changed = replace(better, reward=1.0, metrics=metrics)
    results.put(changed)
    trials = [changed if trial.index == better.index else trial for trial in TRIALS]
    assert results.trend(48) == pytest.approx(expected(trials, 48))
    results.drop(better.index)
    rest = [trial for trial in TRIALS if trial.index != better.index]
    assert results.trend(48) == pytest.approx(expected(rest, 48))


def test_a_result_whose_metrics_somebody_has_taken_away_is_left_out() -> None:
    torn = next(trial for trial in TRIALS if trial.reward is not None)
    trials = [replace(trial, metrics={}) if trial is torn else trial for trial in TRIALS]
    found = FrontResults(SPEC.objectives, trials).trend(48)
    assert found == pytest.approx(expected([trial for trial in TRIALS if trial is not torn], 48))


def test_the_trend_of_a_recorded_search_ends_with_its_hypervolume(tmp_path: Path) -> None:
    record = JournalSource(write_front(tmp_path, "one", objectives=THREE)).read()
    results = Results()
    for trial in record.trials:
        results.put(trial)
    trend = results.trend(record.spec.objectives, lambda: record.trials)
    assert trend[-1] == pytest.approx(record.overview.hypervolume)
    assert trend[-1] == grow(record.spec.objectives, record.trials).volumes[-1]
    assert list(trend) == sorted(trend)
