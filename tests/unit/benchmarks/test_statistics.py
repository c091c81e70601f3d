"""The numbers in the benchmark's tables."""

from __future__ import annotations

import numpy as np
import pytest

from bench.agents.report import collections, table, versus_parents
from bench.agents.statistics import at_budget, difference, estimate, share_to_reach, solved


def test_an_estimate_is_mean_and_standard_error() -> None:
    made = estimate(np.array([1.0, 2.0, 3.0, 4.0]))
    assert made.mean == 2.5
    assert made.error == pytest.approx(np.std([1, 2, 3, 4], ddof=1) / 2)
    assert str(made) == "2.500 (0.645)"


def test_a_budget_beyond_the_run_is_its_end() -> None:
    worth = np.array([[0.0, 0.5, 1.0]])
    assert at_budget(worth, 2).tolist() == [0.5]
    assert at_budget(worth, 100).tolist() == [1.0]


def test_the_share_is_where_the_mean_reaches_the_goal() -> None:
    worth = np.tile(np.linspace(0.1, 1.0, 10), (5, 1))
    assert share_to_reach(worth, 0.5) == pytest.approx((0.5, 0.5, 0.5))
    assert share_to_reach(worth, 2.0) == (1.0, 1.0, 1.0)


def test_the_interval_covers_the_spread_of_the_seeds() -> None:
    random = np.random.default_rng(0)
    worth = np.maximum.accumulate(random.random((16, 200)), axis=1)
    share, low, high = share_to_reach(worth, 0.95)
    assert low < share < high


def test_the_difference_is_in_standard_errors() -> None:
    one, other = estimate(np.array([1.0, 1.2])), estimate(np.array([0.5, 0.7]))
    assert difference(one, other) == pytest.approx(0.5 / np.hypot(0.1, 0.1))
    assert difference(one, one) == 0


def test_a_seed_is_solved_when_it_ends_at_the_optimum() -> None:
    assert solved(np.array([[0.1, 1.0], [0.2, 0.9]]), 1.0) == 1


def test_the_tables_name_every_contestant_and_compare_with_the_better_parent() -> None:
    flat = {"evonas": 0.9, "evolution": 0.5, "neural": 0.7}
    curves = {label: np.tile([0.1, value], (3, 1)) + 0.01 * np.arange(3)[:, None] for label, value in flat.items()}
    lines = table("toy", curves, [1, 2], None).splitlines()
    assert lines[0] == "**toy**, 3 seeds"
    assert [line.split("|")[1].strip() for line in lines[4:]] == ["evonas", "evolution", "neural"]
    assert "+24.5 at 2" in versus_parents({"toy": curves}, {"toy": [2]})
    means = collections({"nasbench201-a": curves, "nasbench201-b": curves, "other": curves})
    assert list(means) == ["nasbench201, mean"]
