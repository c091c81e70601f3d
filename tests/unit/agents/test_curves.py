"""Trials that ended at different rungs, on one scale."""

from __future__ import annotations

import math
from bisect import insort

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.agents.critic.gaussian_process import normal_scores
from evonas.agents.curves import Curve, Numbers, outlook, products
from evonas.fidelity import Fidelity, Rule
from evonas.search.promotion import decide
from tests.tier import examples

HALVING = Fidelity((1, 3, 9), 3, Rule.SUCCESSIVE_HALVING)


def raced(count: int, correlation: float, seed: int) -> tuple[list[Curve], Numbers, Numbers]:
    """Return curves, rewards and true scores at the end of trials whose scores change with a correlation each time."""
    random = np.random.default_rng(seed)
    standings: dict[int, list[float]] = {}
    curves: list[Curve] = []
    finals, truth = np.full(count, np.nan), np.empty(count)
    for row in range(count):
        scores = [random.normal()]
        for _ in range(2):
            scores.append(correlation * scores[-1] + math.sqrt(1 - correlation**2) * random.normal())
        truth[row] = scores[-1]
        curve: list[tuple[int, float]] = []
        for step, score in zip(HALVING.steps[:-1], scores, strict=False):
            curve.append((step, math.exp(score) - 10 * step))
            earlier = standings.setdefault(step, [])
            stops = decide(HALVING, earlier, score).stops
            insort(earlier, score)
            if stops:
                break
        else:
            finals[row] = scores[-1] ** 3
        curves.append(tuple(curve))
    return curves, finals, truth


@given(st.lists(st.sampled_from([-math.inf, -1.0, 0.0, 2.5, 1e300]), min_size=1, max_size=30))
def test_without_rungs_scores_are_normal_scores(rewards: list[float]) -> None:
    view = outlook([()] * len(rewards), np.array(rewards))
    assert view.scores == pytest.approx(normal_scores(np.array(rewards)), abs=1e-12)
    assert view.expected.tolist() == view.scores.tolist()
    assert view.steps == ()


@pytest.mark.parametrize("correlation", [0.5, 0.7, 0.9])
def test_scores_of_those_that_went_on_are_what_they_would_be_among_all(correlation: float) -> None:
    errors, found = [], []
    for seed in range(examples(12)):
        curves, finals, truth = raced(300, correlation, seed)
        view = outlook(curves, finals)
        ended = ~np.isnan(finals)
        errors.append(float((view.scores - truth)[ended].mean()))
        found.append(view.links[0])
    assert np.mean(errors) == pytest.approx(0, abs=0.2)
    assert np.mean(found) == pytest.approx(correlation, abs=0.1)


def test_expectations_order_trials_as_their_ends_would() -> None:
    curves, finals, truth = raced(300, 0.8, 1)
    assert np.corrcoef(outlook(curves, finals).expected, truth)[0, 1] > 0.6


@given(st.integers(0, 1000), st.sampled_from([0.01, 3.0]), st.sampled_from([0.0, 100.0]))
@settings(max_examples=examples(10))
def test_only_ranks_within_a_rung_matter(seed: int, stretch: float, shift: float) -> None:
    curves, finals, _ = raced(40, 0.7, seed)
    moved = [tuple((step, stretch * value + step * shift) for step, value in curve) for curve in curves]
    assert outlook(moved, finals).scores.tolist() == outlook(curves, finals).scores.tolist()


def test_a_metric_that_worsens_over_training_does_not_make_stopped_trials_look_better() -> None:
    curves, finals, _ = raced(200, 0.7, 3)
    stopped = np.isnan(finals)
    values = np.array([curve[-1][1] for curve in curves])
    worse = finals - 1000
    assert np.nanmax(worse) < values[stopped].min()
    expected = outlook(curves, worse).expected
    assert np.median(expected[stopped]) < np.median(expected[~stopped])
    assert expected[stopped].max() < expected[~stopped].max()


def test_infeasible_and_diverged_candidates_are_below_all_others_and_known_to_the_end() -> None:
    curves: list[Curve] = [((1, 0.1),), ((1, 0.5), (3, 0.6)), ((1, 0.9), (3, -math.inf)), (), ((1, 0.3),)]
    view = outlook(curves, np.array([np.nan, 0.7, -math.inf, -math.inf, np.nan]))
    assert view.scores[2] == view.scores[3] < view.scores[[0, 1, 4]].min()
    assert view.columns.tolist() == [0, 2, 2, 2, 0]


def test_a_value_that_is_not_finite_on_the_way_to_a_reward_counts_as_missing() -> None:
    curves: list[Curve] = [((1, -math.inf), (3, 0.4)), ((1, 0.2), (3, 0.5)), ((1, 0.3),)]
    view = outlook(curves, np.array([0.8, 0.7, np.nan]))
    assert np.isfinite(view.scores).all()
    assert view.scores[0] > view.scores[1]


def test_correlations_multiply_along_the_rungs_and_are_the_priors_where_nobody_came() -> None:
    view = outlook([((1, float(k)), (3, float(k))) for k in range(30)], np.full(30, np.nan))
    first, second = view.links
    assert products(view.links)[0, 2] == pytest.approx(first * second)
    assert first > 0.85
    assert second == pytest.approx(2 / 3, abs=0.05)
